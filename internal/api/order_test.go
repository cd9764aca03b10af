package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/watch/series"
)

// changing is a world in which something happens after one of the reads of a request.
type changing struct {
	Repositories
	*fakeChecks
	fakeMachines
	state   syncline.MachineState // of the only series
	reads   int
	at      int // the read after which it happens
	happens func()
}

func (c *changing) read() {
	if c.reads++; c.reads == c.at {
		c.happens()
	}
}

func (c *changing) LastCheck(id syncline.ID) (syncline.Check, time.Time) {
	defer c.read()
	return c.fakeChecks.LastCheck(id)
}

func (c *changing) LastChecks() func(syncline.ID) (syncline.Check, time.Time) {
	defer c.read()
	return c.fakeChecks.LastChecks()
}

func (c *changing) Machines(context.Context, series.MachinesQuery) (series.Machines, error) {
	defer c.read()
	x := series.SeriesState{Series: syncline.Series{ID: machineID, RepositoryID: repoID, HostName: "web1"}, State: c.state}
	return series.Machines{Machines: []series.Machine{{Series: []series.SeriesState{x}}}}, nil
}

// changingRepositories are those of a changing world.
type changingRepositories struct{ *changing }

func (c changingRepositories) Repositories(ctx context.Context) ([]syncline.Repository, error) {
	defer c.read()
	return c.changing.Repositories.Repositories(ctx)
}

func (c changingRepositories) Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error) {
	defer c.read()
	return c.changing.Repository(ctx, id)
}

// askWhile asks for a path in a world in which something happens after a read, and returns the
// answer and the number of reads.
func askWhile(t *testing.T, path string, at int, before syncline.Check, happens func(*world, *changing)) (answer, int) {
	t.Helper()
	c := &changing{at: at, state: syncline.MachineUnknown}
	w := newWorld(t, func(cfg *Config) {
		c.Repositories, c.fakeChecks = cfg.Repositories, cfg.Checks.(*fakeChecks)
		cfg.Repositories, cfg.Checks, cfg.Machines = changingRepositories{c}, c, c
	}).populate()
	w.checks.last = map[syncline.ID]syncline.Check{repoID: before}
	c.happens = func() { happens(w, c) }
	return w.get(path), c.reads
}

// TestCheckBesideItsRepository has a check find out that a repository is gone, between any
// two reads of a request. It marks the repository first. No answer shows the check beside a
// repository that counts as in sync.
func TestCheckBesideItsRepository(t *testing.T) {
	gone := func(w *world, c *changing) {
		if err := w.store.SetOutOfSync(t.Context(), repoID, true); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last[repoID] = syncline.Check{RepositoryID: repoID, At: testTime, Result: syncline.CheckFailed, Error: "gone", Failures: 1}
	}
	good := syncline.Check{RepositoryID: repoID, At: testTime, Result: syncline.CheckSuccess}
	for _, path := range []string{"/v6/BackupRepositories", "/v6/BackupRepositories/" + repoID, "/v8/BackupRepositories", "/v8/BackupRepositories/" + repoID} {
		a, reads := askWhile(t, path, 0, good, gone)
		if reads < 2 || !strings.Contains(a.body, `"isOutOfSync":false`) {
			t.Fatalf("%s: %d reads, %s", path, reads, a.body)
		}
		for at := 1; at <= reads; at++ {
			a, _ := askWhile(t, path, at, good, gone)
			failed := strings.Contains(a.body, `"lastCheckResult":"Failed"`) || strings.Contains(a.body, `"isOutOfOrder":true`)
			if failed && strings.Contains(a.body, `"isOutOfSync":false`) {
				t.Errorf("%s after read %d: %s", path, at, a.body)
			}
		}
	}
}

// TestStatusOfAJobAtOnce has the repository of a late job come back between any two reads
// of a request. Until the check of it, the job has failed, and from then on it is late.
func TestStatusOfAJobAtOnce(t *testing.T) {
	back := func(_ *world, c *changing) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last[repoID], c.state = syncline.Check{RepositoryID: repoID, At: testTime, Result: syncline.CheckSuccess}, syncline.MachineLate
	}
	away := syncline.Check{RepositoryID: repoID, At: testTime, Result: syncline.CheckFailed, Failures: 1}
	for at := range 4 {
		a, reads := askWhile(t, "/v6/Jobs", at, away, back)
		if got := decode[[]v6.Job](t, a); reads < 2 || len(got) != 1 || got[0].LastStatus == jobSuccess {
			t.Errorf("after read %d of %d: %s", at, reads, a.body)
		}
		if a, _ = askWhile(t, "/v6/Jobs/"+machineID, at, away, back); strings.Contains(a.body, `"lastStatus":"Success"`) {
			t.Errorf("after read %d: %s", at, a.body)
		}
	}
}
