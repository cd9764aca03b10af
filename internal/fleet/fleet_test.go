package fleet_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
)

func openStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newNode is a node that gives a sign every few milliseconds and is never silent for long.
func newNode(s fleet.Store, name string) *fleet.Service {
	return &fleet.Service{
		Store: s, Self: syncline.Node{ID: syncline.ID(uuid.NewString()), HostName: name, Address: name + ":4443", Version: "v1"},
		Process: uuid.NewString(), Place: name, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Every: 5 * time.Millisecond, Alive: time.Hour, KeptFor: -1,
	}
}

// run runs a node until leave is called, which returns what Run returns.
func run(t *testing.T, n *fleet.Service) (leave func() error) {
	t.Helper()
	if err := n.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	left := false
	leave = func() error {
		cancel()
		left = true
		return <-ended
	}
	t.Cleanup(func() {
		if !left {
			cancel()
			<-ended
		}
	})
	return leave
}

func list(t *testing.T, n *fleet.Service) []syncline.Node {
	t.Helper()
	all, err := n.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNodesKnowEachOther(t *testing.T) {
	s := openStore(t)
	one, two := newNode(s, "one"), newNode(s, "two")
	two.Load = func() syncline.NodeLoad { return syncline.NodeLoad{Sessions: 3, CPUPermille: -1} }
	run(t, one)
	leave := run(t, two)
	all := list(t, one)
	if len(all) != 2 || !all[0].Online || !all[1].Online || all[1].Load.Sessions != 3 || all[1].Description != "Syncline v1" {
		t.Errorf("got %+v", all)
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	if all = list(t, one); len(all) != 2 || !all[0].Online || all[1].Online || !all[1].Stopped {
		t.Errorf("after the farewell: %+v", all)
	}
	living, err := one.Living(t.Context())
	if err != nil || len(living) != 1 || living[0].ID != one.SelfID() {
		t.Errorf("got %+v, %v", living, err)
	}
	strict := newNode(s, "strict")
	strict.Alive = 0 // so that every silence is too long
	if living, err = strict.Living(t.Context()); err != nil || len(living) != 0 {
		t.Errorf("got %+v, %v", living, err)
	}
}

// Another node switches the maintenance mode, and a restart keeps it.
func TestMaintenance(t *testing.T) {
	s := openStore(t)
	one, two := newNode(s, "one"), newNode(s, "two")
	told := make(chan bool, 10)
	two.Drain = func(on bool) { told <- on }
	run(t, one)
	leave := run(t, two)
	if <-told {
		t.Error("a new node is in maintenance mode")
	}
	if err := one.SetMaintenance(t.Context(), two.SelfID(), true); err != nil {
		t.Fatal(err)
	}
	if !<-told || !two.InMaintenance() || !list(t, one)[1].Maintenance {
		t.Error("the node is not told of its mode")
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	again := newNode(s, "two")
	again.Self.ID, again.Drain = two.SelfID(), two.Drain
	run(t, again)
	if !<-told {
		t.Error("the mode is lost by a restart")
	}
	if err := again.SetMaintenance(t.Context(), again.SelfID(), false); err != nil || <-told {
		t.Error("the mode does not end", err)
	}
	if err := one.SetMaintenance(t.Context(), "unknown", true); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

// A copy of a data directory does not run while the node itself lives.
func TestCopiedDirectory(t *testing.T) {
	s := openStore(t)
	node := newNode(s, "node")
	leave := run(t, node)
	copied := newNode(s, "copy")
	copied.Self.ID = node.SelfID()
	err := copied.Begin(t.Context())
	if syncline.CodeOf(err) != syncline.CodeConflict || !strings.Contains(syncline.MessageOf(err), "another node with this identity is running, at node:4443; delete the file node") {
		t.Fatalf("got %v", err)
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	run(t, copied)
}

// A node that was killed is replaced at once at its own place, and at another one after
// its silence.
func TestKilledNode(t *testing.T) {
	s := openStore(t)
	killed := newNode(s, "node")
	if err := killed.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	restarted := newNode(s, "node")
	restarted.Self.ID = killed.SelfID()
	if err := restarted.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved := newNode(s, "elsewhere")
	moved.Self.ID, moved.Alive = killed.SelfID(), 20*time.Millisecond
	if err := moved.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The process that another one has replaced ends.
func TestReplacedNode(t *testing.T) {
	s := openStore(t)
	node := newNode(s, "node")
	if err := node.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := newNode(s, "node")
	other.Self.ID = node.SelfID()
	if err := other.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.Run(t.Context()); syncline.CodeOf(err) != syncline.CodeConflict {
		t.Errorf("got %v", err)
	}
}

func TestHasFolder(t *testing.T) {
	s := openStore(t)
	one, two := newNode(s, "one"), newNode(s, "two")
	run(t, one)
	run(t, two)
	for _, c := range []struct {
		r    syncline.Repository
		says string // "" for no error
	}{
		{syncline.Repository{Name: "a", Path: "/srv"}, ""},
		{syncline.Repository{Name: "a", Path: "/srv", NodeID: one.SelfID()}, ""},
		{syncline.Repository{Name: "a", NodeID: two.SelfID()}, ""}, // object storage
		{syncline.Repository{Name: "a", Path: "/srv", NodeID: two.SelfID()}, `the repository "a" lies in a folder of the node two (two:4443)`},
		{syncline.Repository{Name: "a", Path: "/srv", NodeID: "gone"}, "not known here"},
	} {
		err := one.HasFolder(t.Context(), c.r)
		if (err == nil) != (c.says == "") || c.says != "" && (syncline.CodeOf(err) != syncline.CodeConflict || !strings.Contains(syncline.MessageOf(err), c.says)) {
			t.Errorf("%+v: got %v", c.r, err)
		}
	}
}

func TestRemove(t *testing.T) {
	s := openStore(t)
	one, two := newNode(s, "one"), newNode(s, "two")
	run(t, one)
	leave := run(t, two)
	for _, c := range []struct {
		id   syncline.ID
		code syncline.Code
	}{{one.SelfID(), syncline.CodeConflict}, {two.SelfID(), syncline.CodeConflict}, {"unknown", syncline.CodeNotFound}} {
		if err := one.Remove(t.Context(), c.id); syncline.CodeOf(err) != c.code {
			t.Errorf("%s: got %v", c.id, err)
		}
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	if err := one.Remove(t.Context(), two.SelfID()); err != nil {
		t.Error(err)
	}
	if all := list(t, one); len(all) != 1 {
		t.Errorf("got %+v", all)
	}
	run(t, two) // it lives, and so it comes back
	if all := list(t, one); len(all) != 2 || !all[1].Online {
		t.Errorf("got %+v", all)
	}
}

// A node that is alone writes at changes only, and is online while its store answers.
func TestAlone(t *testing.T) {
	s := openStore(t)
	other := newNode(s, "of another database")
	if err := other.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	counted := &counting{Store: s}
	node := newNode(counted, "node")
	node.Alone, node.Alive = true, time.Nanosecond
	leave := run(t, node)
	if err := node.SetMaintenance(t.Context(), node.SelfID(), true); err != nil {
		t.Fatal(err)
	}
	all := list(t, node)
	if len(all) != 1 || all[0].ID != node.SelfID() || !all[0].Online || !all[0].Maintenance || all[0].SeenAt.IsZero() {
		t.Errorf("got %+v", all)
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	if want := []bool{false, false, true}; !slices.Equal(counted.stopped, want) {
		t.Errorf("the signs are %v", counted.stopped)
	}
}

// counting records the signs of a node.
type counting struct {
	fleet.Store
	stopped []bool
}

func (c *counting) PutNode(ctx context.Context, n syncline.Node, s store.Sign) (syncline.Node, error) {
	c.stopped = append(c.stopped, n.Stopped)
	return c.Store.PutNode(ctx, n, s)
}

// mute does not answer who asks for the nodes.
type mute struct {
	fleet.Store
	asked  chan struct{}
	resume chan struct{}
}

func (m mute) Nodes(ctx context.Context) ([]syncline.Node, error) {
	m.asked <- struct{}{}
	<-m.resume
	return m.Store.Nodes(ctx)
}

// Who waits for a database that does not answer holds up nobody else, and a list that was
// asked for before a change is not kept after it.
func TestSilentDatabase(t *testing.T) {
	m := mute{openStore(t), make(chan struct{}), make(chan struct{})}
	n := newNode(m, "a")
	n.KeptFor = time.Hour
	if err := n.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := make(chan error)
	go func() {
		_, err := n.Nodes(t.Context())
		old <- err
	}()
	<-m.asked
	if n.InMaintenance() {
		t.Error("it is in maintenance mode")
	}
	if err := n.SetMaintenance(t.Context(), n.SelfID(), true); err != nil {
		t.Fatal(err)
	}
	m.resume <- struct{}{}
	if err := <-old; err != nil {
		t.Error(err)
	}
	go func() {
		<-m.asked
		m.resume <- struct{}{}
	}()
	if all := list(t, n); len(all) != 1 || !all[0].Maintenance {
		t.Errorf("got %+v", all)
	}
}
