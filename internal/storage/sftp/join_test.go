package sftp

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// TestJoinEndedAttempt makes a call while the attempt of another call, which has ended, still
// winds up. The other call's end is not this call's.
func TestJoinEndedAttempt(t *testing.T) {
	good := storageOf(t, fileOf("content", 1000))
	var attempts atomic.Int32
	begun, windUp := make(chan struct{}), make(chan struct{})
	s := Open(Config{Path: "/repo", Connect: func(ctx context.Context) (Conn, error) {
		if attempts.Add(1) > 1 {
			return good.line.c.Connect(ctx)
		}
		close(begun)
		<-ctx.Done()
		<-windUp
		return nil, ctx.Err()
	}})
	t.Cleanup(func() { s.Close() })
	waiting := func() int {
		s.line.mu.Lock()
		defer s.line.mu.Unlock()
		if s.line.dialing == nil {
			return -1
		}
		return s.line.dialing.waiting
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.Open(ctx, "config", 0, 7)
		first <- err
	}()
	<-begun
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the call that ends: %v", err)
	}
	second := make(chan error, 1)
	go func() {
		got, err := read(t, s, 0, 7)
		if err == nil && got != "content" {
			err = errors.New("got " + got)
		}
		second <- err
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for waiting() < 1 {
		<-tick.C
	}
	close(windUp)
	if err := <-second; err != nil {
		t.Errorf("the call that goes on: %v", err)
	}
}
