//go:build !windows

package main_test

import (
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/pgtest"
)

// A database that answers nothing, and ends no connection either, does not keep a node
// from ending.
func TestEndsBesideASilentDatabase(t *testing.T) {
	way := pgtest.NewProxy(t, pgtest.New(t))
	n := startNode(t, way.URL(), fleetKeyFile(t))
	id := n.attach("one", newRepository(t, 60, 2))
	n.finish(n.sync(id).ID)
	way.Let(false)
	n.await("/readyz", 503)
	begun := time.Now()
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM beside a silent database: %v", err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("the node ended after %s:\n%s", took, last(n.output.String(), 20))
	}
}
