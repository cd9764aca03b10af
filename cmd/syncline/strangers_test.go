//go:build linux

package main_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/internal/needtest"
)

const (
	strangers    = 1000
	addresses    = 8         // of them; the user has one of these, too
	strangerRoom = 300 << 20 // bytes above idle
	// strangersAtOnce is how many connections without a sign-in the server keeps.
	strangersAtOnce = 512
	// A new connection of the user, which nobody knows until its first request is read,
	// is ended by so many newer ones of its address. They are not enough for more than
	// this number of connections of the user.
	mayEnd = strangers / addresses / (strangersAtOnce/addresses - 1)
)

// stranger is one connection of an attack; it has no account.
type stranger struct {
	net.Conn
	number int
}

// attacks are what strangers do with a connection. Failures are theirs: the
// server may close it at any time.
var attacks = map[string]func(s stranger){
	"half-open TLS handshakes": func(s stranger) {
		_, _ = s.Write(append([]byte{22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc}, make([]byte, 15<<10)...))
	},
	"slow HTTP1 headers": func(s stranger) {
		_, _ = fmt.Fprintf(s.secure("http/1.1"), "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: %s", strings.Repeat("a", 60<<10))
	},
	"slow HTTP1 bodies": func(s stranger) {
		_, _ = fmt.Fprintf(s.secure("http/1.1"), "POST /v6/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8000\r\n\r\n{\"x\":%s", strings.Repeat(" ", 7000))
	},
	"token bodies":         func(s stranger) { s.tokenBody() },
	"unread HTTP2 streams": func(s stranger) { s.unreadStreams("/swagger/swagger-ui-bundle.js", 100) },
	"unread HTTP2 answers": func(s stranger) { s.unreadStreams("/v6/RestorePoints?"+strings.Repeat("a=b&", 1200), 100) },
}

func (s stranger) secure(protocol string) *tls.Conn {
	return tls.Client(s.Conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
}

// tokenBody sends a body that decodes to many times its size: with a length
// that is too large, without a length, and small enough to be read.
func (s stranger) tokenBody() {
	c := s.secure("http/1.1")
	size, head := 1<<20, "Content-Length: 1048576\r\n"
	switch s.number % 3 {
	case 1:
		head = "Transfer-Encoding: chunked\r\n"
	case 2:
		size, head = 8000, "Content-Length: 8000\r\n"
	}
	body := append([]byte(`{"x":[0`), bytes.Repeat([]byte(",0"), (size-9)/2)...)
	body = append(body, bytes.Repeat([]byte(" "), size-len(body)-2)...)
	body = append(body, "]}"...)
	if s.number%3 == 1 {
		body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	_, _ = fmt.Fprintf(c, "POST /v6/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\n%s", head, body)
}

// unreadStreams asks many times over one connection and takes no byte of any
// answer.
func (s stranger) unreadStreams(path string, streams int) {
	c := s.secure("h2")
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		return
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	enc.SetMaxDynamicTableSizeLimit(0)
	for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", path}} {
		_ = enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	for i := range streams {
		err := f.WriteHeaders(http2.HeadersFrameParam{
			StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
		})
		if err != nil {
			return
		}
	}
}

// attack opens the connections, from all addresses, of which the user's is one, and keeps
// them open until the test ends.
func (n *node) attack(t *testing.T, do func(stranger)) {
	t.Helper()
	address := strings.TrimPrefix(n.url, "https://")
	var g errgroup.Group
	g.SetLimit(16)
	for i := range strangers {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%addresses))}}
		c, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Errorf("connection %d: %v", i, err)
			continue
		}
		t.Cleanup(func() { _ = c.Close() })
		// A server that reads nothing must not hold up the test.
		if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		g.Go(func() error { do(stranger{c, i}); return nil })
	}
	_ = g.Wait() // no function fails
}

// memory returns a figure of the server's process, in bytes.
func (n *node) memory(name string) int64 {
	n.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return kb << 10
		}
	}
	n.t.Fatalf("the process has no %s", name)
	return 0
}

// guard ends the server before it takes the machine's memory.
func (n *node) guard(limit int64, stop <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if n.memory("VmRSS") > limit {
				n.t.Errorf("the server took more than %d MB", limit>>20)
				_ = n.cmd.Process.Kill()
				return
			}
		}
	}
}

// serves asks as a user that has signed in, over a new connection each time,
// until the attack is over, and returns the longest an answer took. It asks again, as
// clients do, where the server has ended a connection before it knew the user.
func (n *node) serves(t *testing.T, over <-chan struct{}) (longest time.Duration, asked int) {
	t.Helper()
	for ended := 0; ; {
		begun := time.Now()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/v6/BackupRepositories", nil)
		if err != nil {
			t.Error(err)
			return longest, asked
		}
		req.Header.Set("Authorization", "Bearer "+n.token)
		client := http.Client{
			Timeout:   20 * time.Second,
			Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		}
		res, err := client.Do(req)
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			if ended++; ended <= mayEnd {
				continue
			}
		}
		if err != nil {
			t.Errorf("a signed-in user is not served: %v", err)
			return longest, asked
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("a signed-in user is answered %s (%v)", res.Status, err)
		}
		res.Body.Close()
		longest, asked = max(longest, time.Since(begun)), asked+1
		select {
		case <-over:
			return longest, asked
		default:
		}
	}
}

// TestStrangersTakeNoMemory opens a thousand connections of each kind that costs
// a server memory, and has a user ask meanwhile.
func TestStrangersTakeNoMemory(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "time")
	for name, do := range attacks {
		t.Run(name, func(t *testing.T) {
			// A server of its own: what an attack before has taken goes back late.
			n := start(t, filepath.Join(t.TempDir(), "data"), "--debug=false")
			idle := n.memory("VmRSS")
			// Written to, the file sets the peak back to what is taken now.
			if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", n.cmd.Process.Pid), []byte("5"), 0); err != nil {
				t.Fatal(err)
			}
			over := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() { n.guard(idle+2*strangerRoom, over) })
			all.Go(func() {
				longest, asked := n.serves(t, over)
				t.Logf("a user had %d answers meanwhile, the slowest after %v", asked, longest.Round(time.Millisecond))
			})
			n.attack(t, do)
			close(over)
			all.Wait()
			took := n.memory("VmHWM") - idle
			t.Logf("%d MB above the idle %d MB", took>>20, idle>>20)
			if took > strangerRoom {
				t.Errorf("the server took %d MB above idle", took>>20)
			}
			if err := n.signal(syscall.SIGTERM); err != nil {
				t.Errorf("SIGTERM: %v", err)
			}
		})
		if t.Failed() {
			return
		}
	}
}
