package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/dirtest"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/watch/alarm"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
)

// quarter is the world around the watch: repositories with their snapshots, what can be
// reached of them, and a clock. The watch itself is the real one, on a real database.
type quarter struct {
	t     *testing.T
	path  string
	store store.Store

	mu     sync.Mutex
	now    time.Time
	places map[syncline.ID]*repository
	free   int64 // of the server's disk, of 100 GiB
	room   int64 // of the repositories' disk, of 100 TiB

	changed map[syncline.Hash]int // the files that a backup changes, where they are not the usual ones

	schedule *schedule.Service
	series   *series.Service
	desk     *alarm.Desk
	notify   *notify.Service

	receiver *receiver
	sessions int
	checks   int
	late     bool // messages may be late, so that one says at once that an alarm began and worsened
}

// files is how many files each machine has, and usual how many of them a backup changes.
const files, usual = 400, 5

// EachDifference implements series.Comparer.
func (q *quarter) EachDifference(_ context.Context, before *syncline.RestorePoint, after syncline.RestorePoint, _ int64, visit func(*explore.Pair) error) error {
	q.mu.Lock()
	changed := usual
	if n, ok := q.changed[after.Snapshot.ID]; ok {
		changed = n
	}
	q.mu.Unlock()
	entry := func(i int, content syncline.Hash) *syncline.Entry {
		return &syncline.Entry{Name: fmt.Sprintf("file%d.txt", i), Type: syncline.TypeFile, Size: 1000, Content: []syncline.Hash{content}}
	}
	if before == nil {
		changed = files
	}
	for i := range changed {
		pair := &explore.Pair{After: entry(i, after.Snapshot.ID)}
		if before != nil {
			pair.Before = entry(i, before.Snapshot.ID)
		}
		if err := visit(pair); err != nil {
			return err
		}
	}
	return nil
}

// repository is a repository as it is, and as the catalog has it.
type repository struct {
	there   []syncline.RestorePoint // in the repository
	shown   []syncline.RestorePoint // in the catalog
	away    error                   // checks fail with it
	session error                   // sessions fail with it
}

// receiver is a webhook that keeps what it is told.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	messages int
	repeated int // messages that came before, by their id
	ids      map[string]bool
	refuses  bool
	notices  []syncline.Notice
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{ids: make(map[string]bool)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body struct {
			Alarms []syncline.Notice `json:"alarms"`
			More   int               `json:"more"`
		}
		raw, _ := io.ReadAll(req.Body)
		if err := json.Unmarshal(raw, &body); err != nil || body.More != 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.refuses {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if id := req.Header.Get("Idempotency-Key"); id == "" || r.ids[id] {
			r.repeated++
			w.WriteHeader(http.StatusNoContent)
			return
		} else {
			r.ids[id] = true
		}
		r.messages++
		r.notices = append(r.notices, body.Alarms...)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) refuse(refuses bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = refuses
}

func newQuarter(t *testing.T, begin time.Time) *quarter {
	q := newQuarterOn(t, begin)
	q.path = filepath.Join(dirtest.Quick(t), "state.db")
	q.start()
	q.addChannel(begin)
	return q
}

// newQuarterOn returns the world without a watch.
func newQuarterOn(t *testing.T, begin time.Time) *quarter {
	return &quarter{
		t: t, now: begin,
		places: make(map[syncline.ID]*repository), changed: make(map[syncline.Hash]int), free: 50 << 30, room: 50 << 40, receiver: newReceiver(t),
	}
}

// addChannel adds the channel to the receiver.
func (q *quarter) addChannel(begin time.Time) {
	q.t.Helper()
	channel := syncline.Channel{
		ID: newID(), Name: "pager", Kind: syncline.ChannelWebhook, Enabled: true, MinimumSeverity: syncline.SeverityInfo,
		Settings: syncline.ChannelSettings{URL: q.receiver.URL}, CreatedAt: begin,
	}
	q.must(q.notify.Check(&channel, "a secret of the webhook"))
	q.must(q.store.AddChannel(q.t.Context(), channel, []byte("a secret of the webhook"), 10))
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }

func (q *quarter) must(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

// start makes the watch on the database, as a start of the server does.
func (q *quarter) start() {
	if q.store != nil {
		q.must(q.store.Close())
	}
	s, err := sqlite.Open(q.t.Context(), q.path)
	q.must(err)
	q.store = s
	log := slog.New(slog.DiscardHandler)
	q.desk = &alarm.Desk{Store: s, Now: q.clock, NewID: newID}
	q.series = &series.Service{Store: s, Points: q, Repositories: s, Reporter: q.desk, Logger: log, Now: q.clock}
	q.schedule = &schedule.Service{
		Repositories: s, Records: s, Checker: q, Sessions: q, Reporter: q.desk, Logger: log, Now: q.clock, AtOnce: 8,
		Interval: step, Checked: q.checked,
		Disks: []schedule.Disk{{Subject: "data", What: "data directory", Path: "/", Keep: func(int64) int64 { return 1 << 30 }}},
		Space: q.space,
	}
	q.notify = &notify.Service{
		Events: s, Queue: s, Channels: s, Known: s, Network: notify.NewNetwork(nil, false), Window: notify.DefaultWindow,
		Now: q.clock, NewID: newID, Logger: log,
		Open: func(_ syncline.ID, sealed []byte) ([]byte, error) { return sealed, nil },
	}
}

func (q *quarter) clock() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.now
}

// space tells of the server's disk and of that of the repositories, which has room.
func (q *quarter) space(path string) (diskspace.Space, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if path == "/" {
		return diskspace.Space{Total: 100 << 30, Free: q.free, Device: 1}, nil
	}
	return diskspace.Space{Total: 100 << 40, Free: q.room, Device: 2}, nil
}

func (q *quarter) setSpace(free, room int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free, q.room = free, room
}

// seriesOf returns the series of a host.
func (q *quarter) seriesOf(host string) syncline.ID {
	q.t.Helper()
	list, err := q.store.Series(q.t.Context(), "")
	q.must(err)
	i := slices.IndexFunc(list, func(s syncline.Series) bool { return s.HostName == host })
	if i < 0 {
		q.t.Fatalf("there is no series of %s", host)
	}
	return list[i].ID
}

// tick moves the clock to a time and lets each part do what is due.
func (q *quarter) tick(at time.Time) {
	q.t.Helper()
	q.mu.Lock()
	q.now = at
	q.mu.Unlock()
	ctx := q.t.Context()
	// The parts run side by side in the server, so that the watch of the series may look
	// before a check and after it.
	q.must(q.series.Tick(ctx, at))
	q.must(q.schedule.Tick(ctx, at))
	q.must(q.series.Tick(ctx, at))
	q.must(q.desk.Tick(ctx, at))
	q.must(q.notify.Tick(ctx, at))
}

// attach adds a repository.
func (q *quarter) attach(name string, there ...syncline.RestorePoint) syncline.ID {
	q.t.Helper()
	id := newID()
	q.must(q.store.AddRepository(q.t.Context(), syncline.Repository{ID: id, Name: name, Path: "/" + name, OutOfSync: true, CreatedAt: q.clock().Add(time.Duration(len(q.places)) * time.Second)}))
	q.mu.Lock()
	defer q.mu.Unlock()
	q.places[id] = &repository{there: there}
	return id
}

// backup adds a snapshot, whose time is what the machine's clock claims.
func (q *quarter) backup(id syncline.ID, host string, claimed time.Time, changed int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.places[id]
	x := point(id, host, claimed, q.now)
	p.there = append(p.there, x)
	if changed > 0 {
		q.changed[x.Snapshot.ID] = changed
	}
}

// point is a snapshot of a host.
func point(repository syncline.ID, host string, claimed, made time.Time) syncline.RestorePoint {
	var h syncline.Hash
	copy(h[:], uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, repository, host, claimed, made)).NodeID())
	u := uuid.New()
	copy(h[8:], u[:])
	return syncline.RestorePoint{
		ID: explore.RestorePointID(repository, h), RepositoryID: repository,
		Snapshot: syncline.Snapshot{ID: h, Hostname: host, Paths: []string{"/srv"}, Time: claimed},
	}
}

// change changes a repository.
func (q *quarter) change(id syncline.ID, change func(*repository)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(q.places[id])
}

// List implements series.Points: what the catalogs show.
func (q *quarter) List(_ context.Context, list []syncline.Repository) (points []syncline.RestorePoint, leftOut []syncline.ID, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range list {
		points = append(points, q.places[r.ID].shown...)
	}
	return points, nil, nil
}

func listing(points []syncline.RestorePoint) string {
	ids := make(map[syncline.Hash]bool, len(points))
	for i := range points {
		ids[points[i].Snapshot.ID] = true
	}
	sum := uint64(len(ids))
	for id := range maps.Keys(ids) {
		for i, b := range id[:8] {
			sum += uint64(b) << (8 * i)
		}
	}
	return fmt.Sprint(sum)
}

// Check implements schedule.Checker.
func (q *quarter) Check(_ context.Context, r syncline.Repository) (schedule.Found, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.checks++
	p := q.places[r.ID]
	if p.away != nil {
		return schedule.Found{}, p.away
	}
	there := listing(p.there)
	return schedule.Found{New: there != listing(p.shown), Listing: there}, nil
}

// checked tells the series that a check has found the catalog complete, or has failed,
// as the server does.
func (q *quarter) checked(ctx context.Context, r syncline.Repository, c syncline.Check) {
	var err error
	switch c.Result {
	case syncline.CheckSuccess:
		err = q.series.Looked(ctx, r.ID, c.At)
	case syncline.CheckFailed:
		err = q.series.NotLooked(ctx, r.ID, c.At)
	}
	if err != nil {
		q.t.Error(err)
	}
}

// Busy implements schedule.Sessions: sessions end at once.
func (q *quarter) Busy(context.Context, syncline.ID) (string, error) { return "", nil }

// Succeeded implements schedule.Sessions. A session of the quarter is judged where it ends.
func (q *quarter) Succeeded(context.Context, syncline.ID) (time.Time, error) {
	return time.Time{}, nil
}

// Begin implements schedule.Sessions: the catalog takes over what lies there.
func (q *quarter) Begin(ctx context.Context, id syncline.ID) error {
	q.mu.Lock()
	q.sessions++
	p, now := q.places[id], q.now
	failure := p.session
	if failure == nil {
		p.shown = slices.Clone(p.there)
	}
	q.mu.Unlock()
	w := syncline.Work{
		ID: newID(), Kind: syncline.WorkSynchronize, RepositoryID: id, State: syncline.WorkSucceeded, CreatedAt: now, StartedAt: now, EndedAt: now,
	}
	if failure != nil {
		w.State = syncline.WorkFailed
	}
	if err := q.store.SetOutOfSync(ctx, id, failure != nil); err != nil {
		return err
	}
	q.series.SessionEnded(w)
	q.schedule.SessionEnded(id, failure)
	return nil
}
