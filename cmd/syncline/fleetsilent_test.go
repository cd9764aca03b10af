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
	t.Parallel()
	way := pgtest.NewProxy(t, pgtest.New(t))
	n := startNode(t, way.URL(), fleetKeyFile(t))
	id := n.attach("one", newRepository(t, 60, 2))
	n.finish(n.sync(id).ID)
	way.Let(false)
	n.await("/readyz", 503)
	// Four seconds are enough on a machine with nothing else to do, and half a minute is what
	// Kubernetes gives.
	tooLong := time.AfterFunc(time.Minute, func() {
		_ = n.cmd.Process.Kill() // the signal then returns an error
	})
	defer tooLong.Stop()
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM beside a silent database: %v\n%s", err, last(n.output.String(), 20))
	}
}
