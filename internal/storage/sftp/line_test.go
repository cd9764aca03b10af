package sftp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/internal/storage"
)

// countedConn counts the connections that are open.
type countedConn struct {
	Conn
	close func()
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.close()
	return err
}

// counted connects with a fakeServer, and counts the connections that were made and those
// that are open. Their ends wait for let.
type counted struct {
	connect    func(context.Context) (Conn, error)
	made, open atomic.Int64
	let        chan struct{}
}

func (c *counted) Connect(ctx context.Context) (Conn, error) {
	conn, err := c.connect(ctx)
	c.made.Add(1)
	c.open.Add(1)
	return &countedConn{conn, sync.OnceFunc(func() {
		<-c.let
		c.open.Add(-1)
	})}, err
}

func readWhole(t *testing.T, s *Storage) error {
	t.Helper()
	got, err := read(t, s, 0, 7)
	if err == nil && got != "content" {
		err = errors.New("got " + got)
	}
	return err
}

// TestSharedConnection has one connection for all storages of a way. It ends with the last
// of them.
func TestSharedConnection(t *testing.T) {
	c := &counted{connect: connectTo(t, fileOf("content", 1000)), let: make(chan struct{})}
	close(c.let)
	var all []*Storage
	for range 3 {
		all = append(all, Open(Config{Path: "/repo", Connect: c.Connect, Shared: "way"}))
	}
	var g errgroup.Group
	for i := range 12 {
		g.Go(func() error { return readWhole(t, all[i%3]) })
	}
	if err := g.Wait(); err != nil || c.made.Load() != 1 {
		t.Errorf("%d connections were made, %v", c.made.Load(), err)
	}
	all[0].Close()
	all[0].Close() // twice counts once
	if err := readWhole(t, all[0]); !errors.Is(err, errClosed) {
		t.Errorf("a storage that is closed: %v", err)
	}
	all[1].Close()
	if err := readWhole(t, all[2]); err != nil || c.made.Load() != 1 || c.open.Load() != 1 {
		t.Errorf("the last one: %v, %d connections were made, %d are open", err, c.made.Load(), c.open.Load())
	}
	for label, name := range map[string]string{"another way": "other", "no name": "", "no name either": ""} {
		before := c.made.Load()
		s := Open(Config{Path: "/repo", Connect: c.Connect, Shared: name})
		if err := readWhole(t, s); err != nil || c.made.Load() != before+1 {
			t.Errorf("%s: %v, %d connections were made", label, err, c.made.Load()-before)
		}
		s.Close()
	}
	all[2].Close()
	if n := c.open.Load(); n != 0 || len(lines.shared) != 0 {
		t.Errorf("%d connections are open, %d lines are kept", n, len(lines.shared))
	}
}

// TestConnectionAfterConnection begins a connection when nothing is left of the one before.
func TestConnectionAfterConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{connect: connectTo(t, fileOf("content", 1000)), let: make(chan struct{})}
		first := Open(Config{Path: "/repo", Connect: c.Connect, Shared: "way"})
		if err := readWhole(t, first); err != nil {
			t.Fatal(err)
		}
		go first.Close()
		synctest.Wait()
		second := Open(Config{Path: "/other", Connect: c.Connect, Shared: "way"})
		done := make(chan error, 1)
		go func() { done <- readWhole(t, second) }()
		synctest.Wait()
		if n := c.made.Load(); n != 1 {
			t.Errorf("%d connections were made before the first one's end", n)
		}
		close(c.let)
		if err := <-done; err != nil || c.made.Load() != 2 || c.open.Load() != 1 {
			t.Errorf("%v, %d connections were made, %d are open", err, c.made.Load(), c.open.Load())
		}
		second.Close()
		synctest.Wait()
		if len(lines.shared) != 0 {
			t.Errorf("%d lines are kept", len(lines.shared))
		}
	})
}

// TestSharedConnectionBreaks ends the calls of all storages with their connection. Another
// try of each goes through one new connection.
func TestSharedConnectionBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mute atomic.Bool
		conns, file := []Conn(nil), fileOf("content", 1000)
		dial := connectTo(t, func(kind byte, id uint32, f fields) packet {
			if mute.Load() {
				return nil
			}
			return file(kind, id, f)
		})
		c := &counted{let: make(chan struct{}), connect: func(ctx context.Context) (Conn, error) {
			conn, err := dial(ctx)
			conns = append(conns, conn)
			return conn, err
		}}
		close(c.let)
		var all [3]*Storage
		for i := range all {
			all[i] = Open(Config{Path: "/repo", Connect: c.Connect, Shared: "way"})
			defer all[i].Close()
		}
		mute.Store(true)
		var broken [len(all)]error
		var calls sync.WaitGroup
		for i, s := range all {
			calls.Go(func() { broken[i] = readWhole(t, s) })
		}
		synctest.Wait()
		mute.Store(false)
		conns[0].Close()
		calls.Wait()
		var again errgroup.Group
		for i, s := range all {
			if !storage.IsRetryable(broken[i]) {
				t.Errorf("storage %d: %v", i, broken[i])
			}
			again.Go(func() error { return readWhole(t, s) })
		}
		if err := again.Wait(); err != nil || c.made.Load() != 2 || c.open.Load() != 1 {
			t.Errorf("%v, %d connections were made, %d are open", err, c.made.Load(), c.open.Load())
		}
	})
}
