package sftp

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// fakeServer answers requests in a way that no usual server does. It returns the
// packet that answers one; nil for none.
type fakeServer func(kind byte, id uint32, f fields) packet

// fakeConn is a connection to a fakeServer.
type fakeConn struct{ net.Conn }

func (fakeConn) Ready() {}
func (fakeConn) Explain(err error) error {
	return retryable(syncline.Errorf(syncline.CodeUnavailable, "the connection broke off: %v", err))
}

// storageOf opens what a fakeServer serves.
func storageOf(t *testing.T, serve fakeServer) *Storage {
	t.Helper()
	s := Open(Config{Path: "/repo", Connect: connectTo(t, serve)})
	t.Cleanup(func() { s.Close() })
	return s
}

// connectTo connects with a fakeServer. The test waits for all of its parts.
func connectTo(t *testing.T, serve fakeServer) func(context.Context) (Conn, error) {
	t.Helper()
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	return func(context.Context) (Conn, error) {
		ours, theirs := net.Pipe()
		work.Go(func() {
			defer theirs.Close()
			for {
				kind, body, err := readPacket(theirs)
				if err != nil {
					return
				}
				f := fields{rest: body}
				answer := newPacket(typeVersion).uint32(protocolVersion)
				if kind != typeInit {
					id := f.uint32()
					if answer = serve(kind, id, f); answer == nil {
						continue
					}
				}
				if _, err := theirs.Write(answer.done()); err != nil {
					return
				}
			}
		})
		return fakeConn{ours}, nil
	}
}

func ended(id uint32) packet {
	return newPacket(typeStatus).uint32(id).uint32(statusEOF).text("").text("")
}

// page answers with entries that have only these flags among their attributes.
func pageOf(id uint32, flags uint32, names ...string) packet {
	p := newPacket(typeName).uint32(id).uint32(uint32(len(names)))
	for _, name := range names {
		p = p.text(name).text("").uint32(flags)
		if flags&hasSize != 0 {
			p = p.uint64(7)
		}
		if flags&hasPermissions != 0 {
			p = p.uint32(modeRegular | 0o644)
		}
	}
	return p
}

// folderOf serves a folder with pages, each once.
func folderOf(pages ...func(id uint32) packet) fakeServer {
	return func(kind byte, id uint32, _ fields) packet {
		switch kind {
		case typeOpendir:
			return newPacket(typeHandle).uint32(id).text("h")
		case typeReaddir:
			if len(pages) == 0 {
				return ended(id)
			}
			next := pages[0]
			if len(pages) > 1 {
				pages = pages[1:]
			} else {
				pages = nil
			}
			return next(id)
		case typeStat:
			return newPacket(typeAttrs).uint32(id).uint32(0)
		}
		return newPacket(typeStatus).uint32(id).uint32(statusOK)
	}
}

// TestOddFolders lists folders as no usual server tells them. Nothing is taken from
// a listing that cannot be trusted.
func TestOddFolders(t *testing.T) {
	object := strings.Repeat("a", 64)
	const whole = hasSize | hasPermissions
	endless := func(page func(id uint32) packet) fakeServer {
		return func(kind byte, id uint32, f fields) packet {
			if kind == typeReaddir {
				return page(id)
			}
			return folderOf()(kind, id, f)
		}
	}
	pipes := func(id uint32) packet {
		p := newPacket(typeName).uint32(id).uint32(1000)
		for range 1000 {
			p = p.text("p").text("").uint32(hasPermissions | hasSize).uint64(0).uint32(0o010600)
		}
		return p
	}
	for label, c := range map[string]struct {
		serve fakeServer
		want  string // of the error
		files int
	}{
		"two pages":             {folderOf(func(id uint32) packet { return pageOf(id, whole, ".", "..", "a") }, func(id uint32) packet { return pageOf(id, whole, "b") }), "", 2},
		"an empty page between": {folderOf(func(id uint32) packet { return pageOf(id, whole) }, func(id uint32) packet { return pageOf(id, whole, "b") }), "", 1},
		"no attributes":         {folderOf(func(id uint32) packet { return pageOf(id, 0, "a") }), "does not tell the kind and size", 0},
		"no size of an object":  {folderOf(func(id uint32) packet { return pageOf(id, hasPermissions, object) }), "does not tell the kind and size", 0},
		"a path":                {folderOf(func(id uint32) packet { return pageOf(id, whole, "a/b") }), "a name that no file can have", 0},
		"an empty name":         {folderOf(func(id uint32) packet { return pageOf(id, whole, "") }), "a name that no file can have", 0},
		"pages without an end":  {endless(func(id uint32) packet { return pageOf(id, whole) }), "too many pages without an entry", 0},
		"no end but itself":     {endless(func(id uint32) packet { return pageOf(id, whole, ".", "..") }), "too many pages without an entry", 0},
		"pipes without an end":  {endless(pipes), "entries that are no files", 0},
		"cut off":               {folderOf(func(id uint32) packet { return pageOf(id, whole, "a", "b")[:40] }), "another kind", 0},
		"too many entries":      {folderOf(func(id uint32) packet { return newPacket(typeName).uint32(id).uint32(1 << 31) }), "another kind", 0},
		"data":                  {folderOf(func(id uint32) packet { return newPacket(typeData).uint32(id).text("x") }), "another kind", 0},
		"a failure": {folderOf(func(id uint32) packet {
			return newPacket(typeStatus).uint32(id).uint32(4).text("disk\x1b[31m").text("")
		}), `cannot read "keys" ("disk\x1b[31m", code 4)`, 0},
		"another id": {folderOf(func(id uint32) packet { return pageOf(id+1000, whole, "a") }), "broke off", 0},
	} {
		t.Run(label, func(t *testing.T) {
			files := 0
			err := storageOf(t, c.serve).List(t.Context(), "keys", func(string, int64) error { files++; return nil })
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(syncline.MessageOf(err), c.want)) || files != c.files {
				t.Errorf("%d files, %v; want %d and %q", files, err, c.files, c.want)
			}
		})
	}
}

// fileOf serves a file in parts of a size.
func fileOf(content string, part int) fakeServer {
	return func(kind byte, id uint32, f fields) packet {
		switch kind {
		case typeOpen:
			return newPacket(typeHandle).uint32(id).text("h")
		case typeStat, typeFstat:
			return newPacket(typeAttrs).uint32(id).uint32(hasSize).uint64(uint64(len(content)))
		case typeRead:
			f.bytes()
			offset := int(f.uint64())
			if offset >= len(content) {
				return ended(id)
			}
			return newPacket(typeData).uint32(id).text(content[offset:min(offset+min(part, int(f.uint32())), len(content))])
		}
		return newPacket(typeStatus).uint32(id).uint32(statusOK)
	}
}

func read(t *testing.T, s storage.Storage, offset, length int64) (string, error) {
	t.Helper()
	r, err := s.Open(t.Context(), "config", offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return string(got), err
}

// TestSmallParts reads from a server that sends less than it is asked for.
func TestSmallParts(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 20_000)
	s := storageOf(t, fileOf(content, 1000))
	for _, length := range []int64{-1, 100_000, int64(len(content)) - 5} {
		want := content[5:]
		if length >= 0 {
			want = content[5 : 5+length]
		}
		if got, err := read(t, s, 5, length); err != nil || got != want {
			t.Errorf("of %d bytes came %d, %v", length, len(got), err)
		}
	}
	if _, err := read(t, s, 5, int64(len(content))); !errors.Is(err, storage.ErrTooShort) {
		t.Errorf("past the end: %v", err)
	}
}

// TestOddReads refuses answers that no server may give.
func TestOddReads(t *testing.T) {
	for label, data := range map[string]func(id uint32) packet{
		"more than asked for": func(id uint32) packet { return newPacket(typeData).uint32(id).text(strings.Repeat("x", 100)) },
		"nothing":             func(id uint32) packet { return newPacket(typeData).uint32(id).text("") },
		"cut off":             func(id uint32) packet { return newPacket(typeData).uint32(id).uint32(100) },
		"an OK":               func(id uint32) packet { return newPacket(typeStatus).uint32(id).uint32(statusOK) },
		"an empty status":     func(id uint32) packet { return newPacket(typeStatus).uint32(id) },
	} {
		good := fileOf("content", 1000)
		s := storageOf(t, func(kind byte, id uint32, f fields) packet {
			if kind == typeRead {
				return data(id)
			}
			return good(kind, id, f)
		})
		if got, err := read(t, s, 0, 7); err == nil || !storage.IsRetryable(err) {
			t.Errorf("%s: %q, %v", label, got, err)
		}
	}
}

// TestHandlesAreClosed closes the handle of an open that nobody waited for.
func TestHandlesAreClosed(t *testing.T) {
	asked, closed := make(chan struct{}), make(chan string, 1)
	answer := make(chan struct{})
	good := fileOf("content", 1000)
	s := storageOf(t, func(kind byte, id uint32, f fields) packet {
		switch kind {
		case typeOpen:
			close(asked)
			<-answer
		case typeClose:
			closed <- string(f.bytes())
		}
		return good(kind, id, f)
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Open(ctx, "config", 0, 1)
		done <- err
	}()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(answer)
	if handle := <-closed; handle != "h" {
		t.Errorf("closed %q", handle)
	}
}

// TestSilence ends a request that is never answered, and its connection.
func TestSilence(t *testing.T) {
	opens := 0
	good := fileOf("content", 1000)
	s := storageOf(t, func(kind byte, id uint32, f fields) packet {
		if kind == typeOpen {
			if opens++; opens == 1 {
				return nil
			}
		}
		return good(kind, id, f)
	})
	stalled := 0
	retry := storage.NewRetry(s, storage.RetryOptions{Stall: 50 * time.Millisecond, MinDelay: time.Millisecond, OnEvent: func(e storage.Event) {
		if e.Stalled {
			stalled++
		}
	}})
	if got, err := read(t, retry, 0, -1); err != nil || got != "content" || stalled == 0 {
		t.Errorf("%q, %v after %d stalls", got, err, stalled)
	}
}

// FuzzAnswers reads answers of any form.
func FuzzAnswers(f *testing.F) {
	f.Add(byte(typeName), []byte(pageOf(0, hasSize|hasPermissions|hasTimes|hasOwner, "a")[9:]))
	f.Add(byte(typeAttrs), []byte{0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0, 0, 0})
	f.Add(byte(typeHandle), []byte{0, 0, 0, 1, 'h'})
	f.Add(byte(typeStatus), []byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		a := answer{kind, body}
		if handle, err := handleOf(a); err == nil && len(handle) > maxHandle {
			t.Error("a handle that is too long")
		}
		if found, err := attributesOf(a); err == nil && found.size < 0 {
			t.Error("a negative size")
		}
		if list, _, err := page(a); err == nil && len(list) > len(body)/minEntry {
			t.Error("more entries than bytes")
		}
		_ = statusOf(a)
		_, _ = extensions(body)
	})
}
