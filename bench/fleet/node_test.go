//go:build !windows

package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/postgres"
	"syncline.dev/syncline/internal/duty"
	"syncline.dev/syncline/internal/explore"
	nodes "syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/postgres"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/internal/watch/alarm"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
)

// checksAtOnce and leaseTime are those of a server.
const (
	checksAtOnce = 8
	leaseTime    = 15 * time.Second
)

// node is a server of a fleet without its API: work, catalogs, checks, duties and signs of
// life.
type node struct {
	id       syncline.ID
	store    *stores.Store
	catalogs *postgres.Directory
	runs     *run.Service
	sessions *syncer.Service
	signs    *nodes.Service
	checks   *schedule.Service
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu       sync.Mutex
	ended    int // sessions
	failures []string
}

// settings are what the phases change.
type settings struct {
	storage  *repositories
	sessions int           // at once on a node
	interval time.Duration // between two checks of a repository; 0 for none
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }

// open starts a node. It runs until close.
func open(tb testing.TB, url string, number int, o settings) *node {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	n := &node{id: newID(), stop: stop}
	var err error
	n.store, err = stores.Open(ctx, url)
	check(tb, err)
	n.catalogs = postgres.OpenDirectory(n.store.Pool().Conns(), postgres.Options{})
	name := fmt.Sprint("node-", number)
	n.signs = &nodes.Service{
		Store: n.store, Self: syncline.Node{ID: n.id, HostName: name, Version: "bench", Address: name + ":9090", StartedAt: time.Now()},
		Process: uuid.NewString(), Place: name, Logger: log, Now: time.Now,
	}
	check(tb, n.signs.Begin(ctx))
	old := n.duty("oldwork", log)
	n.runs = &run.Service{
		Store: n.store, Wakes: n.store, Node: string(n.id), Lease: leaseTime, Logger: log, Now: time.Now, NewID: newID,
		Duty: func(ctx context.Context, _ string) bool {
			held, err := old.Held(ctx)
			return held != nil && err == nil
		},
	}
	n.sessions = &syncer.Service{
		Runs: n.runs, Repositories: n.store, Catalogs: n.catalogs, Source: o.storage, Logger: log, AtOnce: o.sessions,
	}
	desk := &alarm.Desk{Store: n.store, Now: time.Now, NewID: newID}
	n.checks = &schedule.Service{
		Repositories: n.store, Records: n.store, Checker: checker{o.storage, n.catalogs}, Sessions: turns{n.sessions}, Reporter: desk,
		Logger: log, Now: time.Now, AtOnce: checksAtOnce, Interval: o.interval,
		Fleet: checking{&duty.Checks{Store: n.store, Self: n.id, Logger: log}, n.signs},
	}
	backups := &series.Service{
		Store: n.store, Points: &explore.RestorePoints{Catalogs: reading{n.catalogs}, Repositories: n.store}, Repositories: n.store,
		Reporter: desk, Fleet: watching{n.duty("watch", log), n.store}, Logger: log, Now: time.Now,
	}
	n.checks.Checked = backups.Checked
	n.sessions.Judged = n.checks.SessionEnded
	n.sessions.Ended = func(w syncline.Work) {
		n.sessionEnded(w)
		backups.SessionEnded(w)
	}
	check(tb, n.runs.Open(ctx, n.sessions.Kind()))
	n.wg.Go(func() { _ = n.signs.Run(ctx) }) // it fails for a node that is there twice
	n.wg.Go(func() { backups.Run(ctx) })
	for _, name := range []string{"notify", "tidy"} {
		n.wg.Go(func() { n.duty(name, log).Keep(ctx) })
	}
	if o.interval > 0 {
		n.wg.Go(func() { n.checks.Run(ctx) })
	}
	return n
}

func (n *node) duty(name string, log *slog.Logger) *duty.Holder {
	return &duty.Holder{Store: n.store, Name: name, Node: n.id, Length: duty.Length, Every: duty.Every, Logger: log}
}

func (n *node) sessionEnded(w syncline.Work) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended++
	if w.State == syncline.WorkFailed {
		n.failures = append(n.failures, w.Error)
	}
}

// done returns how many sessions have ended here since the last call, and why some failed.
func (n *node) done() (ended int, failures []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ended, failures = n.ended, n.failures
	n.ended, n.failures = 0, nil
	return ended, failures
}

// close shuts a node down.
func (n *node) close() {
	n.stop()
	n.wg.Wait()
	n.runs.Close()
	n.catalogs.Close()
	_ = n.store.Close() // the benchmark has what it wants
}

// drop takes the database away from a node, as the death of its machine does: it renews
// nothing and gives nothing back.
func (n *node) drop() { _ = n.store.Close() }

// checking and turns are those of the server.
type checking struct {
	*duty.Checks
	nodes *nodes.Service
}

// Nodes implements schedule.Fleet.
func (c checking) Nodes(ctx context.Context) (living, able []syncline.ID, err error) {
	list, err := c.nodes.Living(ctx)
	for i := range list {
		living = append(living, list[i].ID)
		if !list[i].Maintenance {
			able = append(able, list[i].ID)
		}
	}
	return living, able, err
}

// watching is series.Fleet.
type watching struct {
	*duty.Holder
	*stores.Store
}

// reading shows catalogs to the watch.
type reading struct{ *postgres.Directory }

// Use implements explore.Catalogs.
func (r reading) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return r.Read(ctx, id, fn)
}

type turns struct{ *syncer.Service }

// Busy implements schedule.Sessions.
func (t turns) Busy(ctx context.Context, repository syncline.ID) (string, error) {
	newest, err := t.RepositorySessions(ctx, repository, 1, 0)
	if err != nil || len(newest) == 0 || newest[0].State.Ended() {
		return "", err
	}
	s := newest[0]
	return fmt.Sprint(s.ID, s.State, s.Progress), nil
}

// Succeeded implements schedule.Sessions.
func (t turns) Succeeded(ctx context.Context, repository syncline.ID) (time.Time, error) {
	newest, err := t.RepositorySessions(ctx, repository, 1, 0)
	if err != nil || len(newest) == 0 || newest[0].State != syncline.WorkSucceeded {
		return time.Time{}, err
	}
	return newest[0].EndedAt, nil
}

// attach adds repositories to the database, without sessions.
func attach(tb testing.TB, s store.Store, count int) (ids []syncline.ID) {
	tb.Helper()
	for i := range count {
		id := newID()
		check(tb, s.AddRepository(tb.Context(), syncline.Repository{
			ID: id, Name: fmt.Sprint("repository ", i), Path: fmt.Sprint("/simulated/", i), CreatedAt: time.Now(),
		}))
		ids = append(ids, id)
	}
	return ids
}
