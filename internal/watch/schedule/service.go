package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
)

// Repositories has the attached repositories.
type Repositories interface {
	// Repositories returns all of them. The caller does not change the list.
	Repositories(ctx context.Context) ([]syncline.Repository, error)
	// Repository is CodeNotFound for one that is not attached.
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error
}

// Records keeps checks. The contract is that of store.Checks.
type Records interface {
	Checks(ctx context.Context) ([]syncline.Check, error)
	CheckOf(ctx context.Context, repository syncline.ID) (syncline.Check, error)
	PutChecks(ctx context.Context, checks ...syncline.Check) error
	AskCheck(ctx context.Context, repository syncline.ID, at time.Time, anew bool) error
}

// Found is what a check finds.
type Found struct {
	New     bool   // there is something for a session to do
	Listing string // tells states of the repository apart
}

// Checker looks at a repository. It fails if the repository cannot be read, and if files
// that are known from it are gone. Its message is for users.
type Checker interface {
	Check(ctx context.Context, r syncline.Repository) (Found, error)
}

// Sessions starts sessions.
type Sessions interface {
	// Begin starts a session that lets those of users go first. A session that has not
	// ended stays the only one.
	Begin(ctx context.Context, repository syncline.ID) error
	// Busy tells what the repository's session that has not ended has done so far; the
	// text differs as long as the session goes on. It is empty without such a session.
	Busy(ctx context.Context, repository syncline.ID) (done string, err error)
	// Succeeded returns the end of the repository's latest session, where that has
	// succeeded; zero otherwise.
	Succeeded(ctx context.Context, repository syncline.ID) (time.Time, error)
}

// Reporter takes all conditions of a kind in a repository that hold at present.
type Reporter interface {
	Report(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) error
}

// Service gives repositories their turns. The fields up to AtOnce are required.
type Service struct {
	Repositories Repositories
	Records      Records
	Checker      Checker
	Sessions     Sessions
	Reporter     Reporter
	Logger       *slog.Logger
	Now          func() time.Time
	AtOnce       int // checks that run at once
	// Interval is that of repositories without a schedule of their own. 0 turns their
	// checks off.
	Interval time.Duration
	// Disks are looked at for free space. Space tells it; nil looks at none, and at no
	// repository's.
	Disks []Disk
	Space func(path string) (diskspace.Space, error)
	// Watch is told which folders of local repositories are to be watched for changes,
	// all of them each time. Nil watches none.
	Watch func(folders map[syncline.ID]string)
	// Fleet shares the checks with other nodes; nil where there is none.
	Fleet Fleet
	// DisksLow is told the conditions of Disks in place of Reporter, unless it is nil.
	DisksLow func(ctx context.Context, low []syncline.Condition) error
	// Checked is told of each check. Nil for nobody.
	Checked func(ctx context.Context, r syncline.Repository, c syncline.Check)
	// After is time.After when nil.
	After func(time.Duration) <-chan time.Time

	wg sync.WaitGroup // of checks

	mu       sync.Mutex
	wake     chan struct{} // holds one signal
	loaded   bool
	turns    map[syncline.ID]*turn
	held     int       // places that checks hold
	last     time.Time // of the last look at the clock
	verdicts []verdict // of sessions that have ended
	written  time.Time // when times were last recorded
	looked   time.Time // at Disks
	looking  bool
	begun    time.Time // of the first round
	shared   shared
}

const (
	// pollEvery bounds the time until a jump of the clock is noticed.
	pollEvery = 30 * time.Second
	// slowAfter is how long a check keeps its place, and lateAfter how long it may take.
	slowAfter = 20 * time.Second
	lateAfter = 5 * time.Minute
	// stalledAfter is how long a session shows nothing new until a check looks beside it.
	stalledAfter = 30 * time.Minute
	// writeEvery is the time between two records of checks that found nothing else than
	// before. A crash loses the times of so many checks, which are then made again.
	writeEvery = 5 * time.Minute
	// stopGrace bounds the wait for checks when the service stops.
	stopGrace = 4 * time.Second
)

// turn is a repository's place in the schedule.
type turn struct {
	repository syncline.Repository
	plan       plan
	text       string    // planText
	due        time.Time // of the next check, zero for none
	checking   bool
	again      bool // somebody waits for a check that has not begun
	wanted     bool // somebody waits for the check that runs
	check      syncline.Check
	dirty      bool // to be recorded
	urgent     bool // at once
	hung       bool // the check has failed, and its storage has not answered yet

	done   string    // by the session that was there at the last turn
	doneAt time.Time // when it was first seen

	telling  sync.Mutex // held while conditions are told, so that the newest are told last
	reported map[syncline.AlarmKind]string

	// disk is the file system of a local repository, as it was last seen. hasDisk says
	// that this process has looked for it.
	disk    diskspace.Space
	hasDisk bool

	part
}

// Run gives turns until ctx ends.
func (s *Service) Run(ctx context.Context) {
	wake := s.waker()
	var failed bool
	for ctx.Err() == nil {
		now := s.now()
		_, next, err := s.dispatch(ctx, now)
		if err != nil && !failed && ctx.Err() == nil {
			s.Logger.Error("cannot look for repositories that are due; tried again", "error", err)
		}
		failed = err != nil
		wait := pollEvery
		if !next.IsZero() {
			wait = min(max(next.Sub(now), 0), pollEvery)
		}
		select {
		case <-wake:
		case <-s.after(wait):
		case <-ctx.Done():
		}
	}
	s.stop(context.WithoutCancel(ctx))
}

// stop waits a little for the checks that run, and records all of them.
func (s *Service) stop(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.wg.Wait()
	}()
	select {
	case <-ended:
	case <-s.after(stopGrace):
	}
	if s.Fleet != nil {
		s.settleShared(ctx, s.now())
		return
	}
	s.settle(ctx, s.now())
	s.write(ctx, s.now(), true)
}

// maxRounds bounds the rounds of one Tick.
const maxRounds = 100

// Tick gives all turns that are due, and waits for their checks. It takes the place of
// Run for a caller with a clock of its own, whose time Now tells.
func (s *Service) Tick(ctx context.Context, now time.Time) error {
	for range maxRounds {
		started, _, err := s.dispatch(ctx, now)
		if err != nil {
			return err
		}
		s.wg.Wait()
		if started == 0 {
			break
		}
	}
	return ctx.Err()
}

// LastCheck returns the last check of a repository, whose At is zero if there was none,
// and the time of the next one, zero if none is planned. None is while storage hangs in
// a check that has failed.
func (s *Service) LastCheck(repository syncline.ID) (last syncline.Check, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastCheck(s.turns[repository])
}

// lastCheck is LastCheck of a turn, or of nil. The caller holds mu.
func (s *Service) lastCheck(t *turn) (last syncline.Check, next time.Time) {
	switch {
	case t == nil:
		return syncline.Check{}, time.Time{}
	case t.hung && s.Fleet == nil:
		return t.check, time.Time{}
	}
	return t.check, t.due
}

// LastChecks returns LastCheck as it is at this moment. A reader that shows checks beside
// repositories calls it before it reads the repositories: a check marks its repository
// first, so none that has found something is beside one that counts as in sync.
func (s *Service) LastChecks() func(repository syncline.ID) (last syncline.Check, next time.Time) {
	type one struct {
		last syncline.Check
		next time.Time
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[syncline.ID]one, len(s.turns))
	for id, t := range s.turns {
		last, next := s.lastCheck(t)
		all[id] = one{last, next}
	}
	return func(repository syncline.ID) (syncline.Check, time.Time) {
		x := all[repository]
		return x.last, x.next
	}
}

// now is the time on the clock of the wall. The other clock in a time of Go stands still
// while the machine sleeps, and does not show that the clock was set back.
func (s *Service) now() time.Time { return s.Now().Round(0) }

// Reschedule tells that repositories or their schedules have changed.
func (s *Service) Reschedule() {
	s.mu.Lock()
	s.shared.stale = true
	s.mu.Unlock()
	s.wakeUp()
}

// wakeUp lets Run look which turns are due.
func (s *Service) wakeUp() {
	select {
	case s.waker() <- struct{}{}:
	default:
	}
}

// Nudge lets a repository be checked at once: something has changed there.
func (s *Service) Nudge(repository syncline.ID) {
	s.mu.Lock()
	t := s.turns[repository]
	here := t != nil && s.serves(t)
	if here && !t.plan.off() {
		t.again = true
		if !t.checking {
			t.due = s.now()
		}
	}
	s.mu.Unlock()
	if !here && s.Fleet != nil {
		s.askFor(repository, false)
	}
	s.wakeUp()
}

// Retry is Nudge after a change of what opens a repository. A session may begin then,
// however the last one ended.
func (s *Service) Retry(repository syncline.ID) {
	if s.Fleet != nil {
		s.askFor(repository, true)
		s.wakeUp()
		return
	}
	s.mu.Lock()
	if t := s.turns[repository]; t != nil && t.check.Session != (syncline.SessionVerdict{}) {
		t.check.Session, t.dirty = syncline.SessionVerdict{}, true
	}
	s.mu.Unlock()
	s.Nudge(repository)
}

func (s *Service) waker() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	return s.wake
}

func (s *Service) after(d time.Duration) <-chan time.Time {
	if s.After != nil {
		return s.After(d)
	}
	return time.After(d)
}
