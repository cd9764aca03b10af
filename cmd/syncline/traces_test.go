package main_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector receives spans.
type collector struct {
	*httptest.Server
	mu     sync.Mutex
	spans  []*tracepb.Span
	raw    bytes.Buffer
	header http.Header
	path   string
	status int
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{status: http.StatusOK}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		var data tracepb.TracesData
		if err != nil || proto.Unmarshal(body, &data) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.raw.Write(body)
		c.header, c.path = r.Header, r.URL.RequestURI()
		for _, rs := range data.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) named(name string) (found []*tracepb.Span) {
	for _, s := range c.spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// A collector gets spans of requests, of sessions and of requests to the storage, and
// nothing that is secret or a name.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	repo, data := newRepository(t, 30, 2), filepath.Join(t.TempDir(), "data")
	n := startWith(t, []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "OTEL_EXPORTER_OTLP_HEADERS=api-key=for%20the%20collector"}, data, "--traces-endpoint", c.URL+"/otlp").as(adminPassword)
	id := n.attach("the laptop", repo)
	session := n.sync(id)
	n.finish(session.ID)
	n.call("GET", "/v6/Search?query=a-searched-word", nil, 200, nil)
	n.call("GET", "/v6/BackupRepositories/"+id, nil, 200, nil)
	n.call("GET", "/v6/no-such-thing?query=a-searched-word", nil, 404, nil)
	if err := n.signal(syscall.SIGTERM); err != nil { // which sends the last spans
		t.Fatalf("SIGTERM: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path != "/otlp/v1/traces" || c.header.Get("Api-Key") != "for the collector" || c.header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("the spans come to %s with %v", c.path, c.header)
	}
	for _, name := range []string{"POST /v6/token", "GET /v6/Search", "GET /v6/BackupRepositories/{repositoryId}", "GET", "session", "list snapshots", "list index", "get index", "get data"} {
		if len(c.named(name)) == 0 {
			t.Errorf("there is no span %q", name)
		}
	}
	if s := c.named("GET /v6/Search"); len(s) > 0 && attribute(s[0], "http.response.status_code") != "int_value:200" {
		t.Errorf("a request: %v", s[0])
	}
	ids := make(map[string]bool)
	for _, s := range c.named("session") {
		ids[string(s.SpanId)] = true
		if got := attribute(s, "syncline.repository.id"); got != `string_value:"`+id+`"` {
			t.Errorf("a session of the repository %s", got)
		}
	}
	for _, s := range c.named("list index") {
		if !ids[string(s.ParentSpanId)] {
			t.Error("a listing belongs to no session")
		}
	}
	for _, secret := range []string{"a-searched-word", adminPassword, repoPassword, n.token, repo, "the laptop", "host-0", "file 1"} {
		if strings.Contains(c.raw.String(), secret) {
			t.Errorf("the spans tell %q", secret)
		}
	}
}

// A collector that is away or refuses holds nothing up, and without one nothing is
// sent.
func TestTracesWithoutCollector(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	c.status = http.StatusServiceUnavailable
	for _, endpoint := range []string{c.URL, "http://127.0.0.1:1"} {
		n := startWith(t, []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint}, filepath.Join(t.TempDir(), "data")).as(adminPassword)
		n.call("GET", "/v6/Proxies", nil, 200, nil)
		if err := n.signal(syscall.SIGTERM); err != nil {
			t.Errorf("SIGTERM: %v", err)
		}
		if !strings.Contains(n.output.String(), "traces cannot be sent") {
			t.Errorf("%s: the log says nothing of it", endpoint)
		}
	}
	before := len(c.spans)
	n := startWith(t, []string{"SYNCLINE_ADMIN_PASSWORD=" + adminPassword, "OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL}, filepath.Join(t.TempDir(), "data")).as(adminPassword)
	if err := n.signal(syscall.SIGTERM); err != nil || len(c.spans) != before {
		t.Errorf("spans are sent without being asked for: %d, %v", len(c.spans)-before, err)
	}
	for env, says := range map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc": "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x": "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=" + os.DevNull: "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TIMEOUT=soon": "OTEL_EXPORTER_OTLP_TIMEOUT",
	} {
		if got := runProgram(t, []string{env}, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--traces-endpoint", c.URL); got.code != 1 || !strings.Contains(got.stderr, says) {
			t.Errorf("%s: %+v", env, got)
		}
	}
	for _, endpoint := range []string{"localhost:4318", "ftp://x", "http://u:hunter2@x", "http://x?y"} {
		if got := runProgram(t, nil, "config", "check", "--traces-endpoint", endpoint); got.code != 1 || !strings.Contains(got.stderr, "--traces-endpoint: the address of a collector") || strings.Contains(got.stderr, "hunter2") {
			t.Errorf("%s: %+v", endpoint, got)
		}
	}
}
