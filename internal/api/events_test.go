package api

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const eventsPath = "/v6/RepositorySynchronizeSessions/" + sessionID + "/Events"

// stream is an open event stream.
type stream struct {
	t    *testing.T
	res  *http.Response
	read *bufio.Reader
	stop context.CancelFunc
}

func openStream(t *testing.T, client *http.Client, url string) *stream {
	t.Helper()
	return openStreamAt(t, client, url+eventsPath, "viewer")
}

func openStreamAt(t *testing.T, client *http.Client, url, token string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || res.ContentLength != -1 {
		t.Fatalf("got %d, %v", res.StatusCode, res.Header)
	}
	return &stream{t, res, bufio.NewReader(res.Body), cancel}
}

// next reads up to the next blank line.
func (s *stream) next() (lines []string, err error) {
	for {
		line, err := s.read.ReadString('\n')
		if err != nil {
			return lines, err
		}
		if line == "\n" {
			return lines, nil
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// event reads the next event.
func (s *stream) event(id string) v6.RepositorySynchronizeSession {
	s.t.Helper()
	return eventOf[v6.RepositorySynchronizeSession](s, "session", id)
}

func eventOf[T any](s *stream, kind, id string) T {
	s.t.Helper()
	lines, err := s.next()
	if err != nil || len(lines) != 3 || lines[0] != "id: "+id || lines[1] != "event: "+kind {
		s.t.Fatalf("got the event %q, %v", lines, err)
	}
	data, _ := strings.CutPrefix(lines[2], "data: ")
	var state T
	if err := json.Unmarshal([]byte(data), &state); err != nil {
		s.t.Fatal(err)
	}
	return state
}

func (s *stream) wantEnd() {
	s.t.Helper()
	if lines, err := s.next(); !errors.Is(err, io.EOF) || len(lines) != 0 {
		s.t.Errorf("instead of the end came %q, %v", lines, err)
	}
}

func http1(w *world) *http.Client {
	transport := w.server.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = false
	transport.TLSClientConfig.NextProtos = nil
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestEvents(t *testing.T) {
	for name, client := range map[string]func(*world) *http.Client{
		"HTTP/2.0": func(w *world) *http.Client { return w.server.Client() },
		"HTTP/1.1": http1,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).populate()
			w.sync.unwatched = make(chan struct{}, 1)
			s := openStream(t, client(w), w.server.URL)
			if s.res.Proto != name {
				t.Errorf("spoke %s", s.res.Proto)
			}
			if e := s.event("1"); e.State != "Synchronizing" || e.ProgressPercent != 0 {
				t.Errorf("the first event is %+v", e)
			}
			w.sync.signal() // nothing changed: nothing is sent
			w.store.update(sessionID, func(x *syncline.Session) { x.Progress = 50 })
			w.sync.signal()
			if e := s.event("2"); e.ProgressPercent != 50 {
				t.Errorf("the second event is %+v", e)
			}
			w.store.update(sessionID, func(x *syncline.Session) {
				x.State, x.Progress, x.EndedAt = syncline.WorkSucceeded, 100, testTime
			})
			w.sync.signal()
			if e := s.event("3"); e.State != "None" || deref(e.Result) != "Success" {
				t.Errorf("the last event is %+v", e)
			}
			s.wantEnd()
			<-w.sync.unwatched
		})
	}
}

func TestEventsOfAnEndedSession(t *testing.T) {
	w := newWorld(t).populate()
	w.store.update(sessionID, func(x *syncline.Session) { x.State, x.Error = syncline.WorkFailed, "gone" })
	s := openStream(t, w.server.Client(), w.server.URL)
	if e := s.event("1"); e.State != "Failed" || deref(e.Error) != "gone" {
		t.Errorf("got %+v", e)
	}
	s.wantEnd()
	wantFailure(t, w.do(request{method: "GET", path: eventsPath, token: "-"}), 401)
	wantFailure(t, w.do(request{method: "GET", path: strings.Replace(eventsPath, sessionID, unknownID, 1)}), 404)
}

func TestEventsWhenTheClientGoes(t *testing.T) {
	w := newWorld(t).populate()
	w.sync.unwatched = make(chan struct{}, 1)
	s := openStream(t, w.server.Client(), w.server.URL)
	s.event("1")
	s.stop()
	<-w.sync.unwatched
}

func TestEventsWhenTheSessionGoes(t *testing.T) {
	w := newWorld(t).populate()
	s := openStream(t, w.server.Client(), w.server.URL)
	s.event("1")
	w.store.mu.Lock()
	w.store.sessions = nil
	w.store.mu.Unlock()
	w.sync.signal()
	s.wantEnd()
}

func TestHeartbeatAndRevokedToken(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Heartbeat = 5 * time.Millisecond }).populate()
	s := openStream(t, w.server.Client(), w.server.URL)
	s.event("1")
	for range 3 {
		if lines, err := s.next(); err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], ":") {
			t.Fatalf("instead of a comment came %q, %v", lines, err)
		}
	}
	w.auth.mu.Lock()
	w.auth.revoked = true
	w.auth.mu.Unlock()
	for {
		if _, err := s.next(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSlowClientHoldsNothingUp opens a stream that is never read. Signals and
// other requests must go on.
func TestSlowClientHoldsNothingUp(t *testing.T) {
	w := newWorld(t).populate()
	openStream(t, http1(w), w.server.URL)
	for i := range 5000 {
		w.store.update(sessionID, func(x *syncline.Session) { x.Statistics.BytesFetched = int64(i) })
		w.sync.signal()
	}
	if a := w.get("/v6/RepositorySynchronizeSessions"); a.status != 200 {
		t.Errorf("got %d", a.status)
	}
}

// runServer starts a Server and returns its address, a client that trusts it
// and what Serve returns.
func runServer(ctx context.Context, t *testing.T, handler http.Handler) (url string, client *http.Client, ended <-chan error) {
	t.Helper()
	cert, _, _, err := LoadOrCreateCertificate(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ln, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	server := &Server{Handler: handler, Certificates: NewCertificates(cert), Logger: slog.New(slog.DiscardHandler)}
	go func() { result <- server.Serve(ctx, ln) }()
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return "https://" + ln.Addr().String(), &http.Client{Transport: transport}, result
}

func TestShutdownEndsStreams(t *testing.T) {
	w := newWorld(t).populate()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	url, client, ended := runServer(ctx, t, w.api)
	s := openStream(t, client, url)
	if s.res.ProtoMajor != 2 {
		t.Errorf("spoke %s", s.res.Proto)
	}
	s.event("1")
	cancel()
	s.wantEnd()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := client.Get(url + "/swagger"); err == nil {
		t.Error("the server still answers")
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	url, client, ended := runServer(ctx, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	status := make(chan int, 1)
	go func() {
		res, err := client.Get(url)
		if err != nil {
			status <- -1
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	<-entered
	cancel()
	close(release)
	if s := <-status; s != 200 {
		t.Errorf("got %d", s)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	url, client, ended := runServer(ctx, t, http.NotFoundHandler())
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), config); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was taken")
	}
	config.MaxVersion = tls.VersionTLS12
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), config)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := Listen(t.Context(), ln.Addr().String()); syncline.CodeOf(err) != syncline.CodeConflict || !strings.Contains(syncline.MessageOf(err), "another program") {
		t.Errorf("a taken port: %v", err)
	}
	if _, err := Listen(t.Context(), "nonsense"); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("nonsense: %v", err)
	}
}
