package rclone_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// fakeVariable makes the test's own program a small rclone: it serves the folder that is
// its last argument. Before that it writes its process id into the folder's file "pids".
const fakeVariable = "SYNCLINES_TEST_RCLONE"

// TestMain runs the tests, or the small rclone.
func TestMain(m *testing.M) {
	if os.Getenv(fakeVariable) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	serve(os.Args[len(os.Args)-1])
}

func serve(dir string) {
	pids, err := os.OpenFile(filepath.Join(dir, "pids"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(pids, os.Getpid())
	fmt.Fprintln(os.Stderr, "serving")
	mux := http.NewServeMux()
	mux.HandleFunc("/config", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(dir, "config")) })
	mux.HandleFunc("/keys/", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // a listing that never comes
	})
	mux.HandleFunc("/snapshots/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.x.restic.rest.v2")
		_ = json.NewEncoder(w).Encode([]any{})
	})
	mux.HandleFunc("/data/", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	only := make(listener, 1)
	only <- stdio{}
	server := &http.Server{Handler: mux, Protocols: protocols, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			close(only)
		}
	}}
	_ = server.Serve(only)
}

// listener gives out the connections in it.
type listener chan net.Conn

func (l listener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (listener) Close() error   { return nil }
func (listener) Addr() net.Addr { return &net.UnixAddr{} }

// stdio is the standard input and output as a connection.
type stdio struct{}

func (stdio) Read(b []byte) (int, error)       { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error)      { return os.Stdout.Write(b) }
func (stdio) Close() error                     { return os.Stdin.Close() }
func (stdio) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (stdio) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (stdio) SetDeadline(time.Time) error      { return nil }
func (stdio) SetReadDeadline(time.Time) error  { return nil }
func (stdio) SetWriteDeadline(time.Time) error { return nil }

// folder makes a folder for the small rclone.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte("the config"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// started returns the process ids of the small rclones that a folder has had.
func started(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pids"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}
