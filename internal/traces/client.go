package traces

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"syncline.dev/syncline"
)

// sendTime bounds one request to the collector where no variable does.
const sendTime = 10 * time.Second

// client sends spans by OTLP over HTTP. otlptracehttp does the same and brings gRPC
// with it, which makes the program larger by a third.
type client struct {
	url    string
	header http.Header // it can hold secrets
	http   *http.Client
}

// variable returns the value of OpenTelemetry's variable for traces, or else of that
// for all signals, and the name of the one that is set.
func variable(getenv func(string) string, name string) (value, found string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		if value := getenv(prefix + name); value != "" {
			return value, prefix + name
		}
	}
	return "", "OTEL_EXPORTER_OTLP_" + name
}

// newClient reads the address of the collector, unless endpoint has it, and how to
// reach it. It returns nil when no address is known.
func newClient(endpoint string, getenv func(string) string) (*client, error) {
	address, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	c := &client{header: make(http.Header)}
	switch value, name := variable(getenv, "ENDPOINT"); {
	case address != nil:
		c.url = address.JoinPath("v1", "traces").String()
	case value == "":
		return nil, nil //nolint:nilnil // off
	default:
		if address, err = parseEndpoint(value); err != nil {
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "%s: %s", name, syncline.MessageOf(err))
		}
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			address = address.JoinPath("v1", "traces")
		}
		c.url = address.String()
	}
	for name, allowed := range map[string]string{"PROTOCOL": "http/protobuf", "COMPRESSION": "none", "CLIENT_KEY": "", "CLIENT_CERTIFICATE": ""} {
		if value, found := variable(getenv, name); value != "" && value != allowed {
			return nil, syncline.Errorf(syncline.CodeInvalid, "%s: traces go out as http/protobuf, without compression and without a client certificate; leave the variable out", found)
		}
	}
	if err := c.readHeaders(getenv); err != nil {
		return nil, err
	}
	return c, c.connect(getenv)
}

func (c *client) readHeaders(getenv func(string) string) error {
	text, name := variable(getenv, "HEADERS")
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		plain, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil || !found || strings.TrimSpace(key) == "" || strings.ContainsAny(plain, "\r\n") {
			return syncline.Errorf(syncline.CodeInvalid, "%s: write headers as name=value, with commas between them", name)
		}
		c.header.Set(strings.TrimSpace(key), plain)
	}
	return nil
}

// connect prepares the connection. Redirects are not followed, because the headers are
// for the collector alone.
func (c *client) connect(getenv func(string) string) error {
	limit := sendTime
	if text, name := variable(getenv, "TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 || ms > 600_000 {
			return syncline.Errorf(syncline.CodeInvalid, "%s: write a number of milliseconds up to 600000", name)
		}
		limit = time.Duration(ms) * time.Millisecond
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute, MaxIdleConns: 2, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if file, name := variable(getenv, "CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "%s: the certificates in %s cannot be read", name, file)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return syncline.Errorf(syncline.CodeInvalid, "%s: the file %s holds no certificate in PEM", name, file)
		}
	}
	c.http = &http.Client{Transport: transport, Timeout: limit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return nil
}

// Start implements otlptrace.Client.
func (c *client) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. Spans that the collector does not take are
// lost: traces are not worth memory for a collector that is away.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// A request to a collector has the same bytes as TracesData, and no package of its
	// own without gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("marshal spans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = c.header.Clone()
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // for the next request
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", res.Status)
	}
	return nil
}
