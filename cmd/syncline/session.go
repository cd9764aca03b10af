package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// withCatalog runs fn with the repository's catalog, which it brings up to
// date first, unless --no-sync says not to. When the repository is damaged, fn
// still sees what could be synchronized. The error is fn's own: damage elsewhere
// is a note.
func (e *environment) withCatalog(ctx context.Context, fn func(*catalog.Catalog) error) error {
	return e.withSession(ctx, func(c *catalog.Catalog, _ syncline.SessionStatistics, damage error) error {
		return e.beside(damage, fn(c))
	})
}

// beside turns the damage that a session met and the outcome of a question into
// the command's error. A question that is answered whole is not failed by damage
// elsewhere; one that fails for what is missing fails for the lock that explains
// it.
func (e *environment) beside(damage, err error) error {
	switch {
	case damage == nil:
		return err
	case !errors.Is(damage, syncer.ErrPartial):
		return errors.Join(damage, err)
	case syncline.CodeOf(damage) == syncline.CodeLocked && lacks(err):
		e.note("%s", messageOf(err))
		return damage
	}
	e.note("%s", messageOf(damage))
	return err
}

// lacks reports whether an error is about something that is missing.
func lacks(err error) bool {
	return errors.Is(err, explore.ErrNotShown) || errors.Is(err, catalog.ErrLost) || syncline.CodeOf(err) == syncline.CodeDamaged
}

// withSession is withCatalog for a command that is about the session itself:
// damage is what it met.
func (e *environment) withSession(ctx context.Context, fn func(c *catalog.Catalog, stats syncline.SessionStatistics, damage error) error) error {
	at, err := e.location()
	if err != nil {
		return err
	}
	local, err := e.localCatalog(at)
	if err != nil {
		return err
	}
	if e.noSync {
		cat, err := local.read(ctx)
		if errors.Is(err, catalog.ErrMissing) {
			return syncline.WrapError(syncline.CodeNotFound, err, "there is no catalog of %s yet; run the command once without --no-sync", at.Name)
		}
		if err != nil {
			return err
		}
		return errors.Join(fn(cat, syncline.SessionStatistics{}, nil), cat.Close())
	}
	cat, stats, damage := e.synchronize(ctx, at, local)
	if cat == nil {
		return e.withHint(damage, local)
	}
	return errors.Join(fn(cat, stats, damage), cat.Close())
}

// withHint says that an older catalog is there when the repository is not.
func (e *environment) withHint(err error, local *localCatalog) error {
	switch syncline.CodeOf(err) {
	case syncline.CodeUnavailable, syncline.CodeNoRepository:
		if local.exists() {
			return syncline.WrapError(syncline.CodeOf(err), err, "%s; --no-sync answers from the catalog of the last synchronization", messageOf(err))
		}
	}
	return err
}

// synchronize brings the local catalog up to date and returns it: also beside an
// error, with what could be synchronized or is known from before, where the
// repository is damaged; nil where there is nothing to show. A catalog that is
// damaged is thrown away. One of another repository that lay there before is
// kept, for when it comes back.
func (e *environment) synchronize(ctx context.Context, at place.Named, local *localCatalog) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	ahead := &ahead{}
	r, err := e.openRepository(ctx, at, func(ctx context.Context, st storage.Storage) { ahead.look(ctx, st, local) })
	if err != nil {
		err = errors.Join(err, ahead.close())
		if syncline.CodeOf(err) == syncline.CodeDamaged && local.exists() {
			var openErr error
			if cat, openErr = local.read(ctx); !errors.Is(openErr, catalog.ErrMissing) {
				err = errors.Join(err, openErr)
			}
		}
		return cat, stats, err
	}
	cat, stats, err = e.synchronizeWith(ctx, r, local, ahead)
	return cat, stats, errors.Join(err, ahead.close(), r.Close())
}

// ahead is what is done while the repository's key is derived.
type ahead struct {
	cat       *catalog.Catalog // nil when there is none yet, or once it was taken
	snapshots []resticrepo.File
}

// look opens the catalog and lists the snapshots. It ignores errors, because
// the steps that follow meet them again.
func (a *ahead) look(ctx context.Context, st storage.Storage, local *localCatalog) {
	if !local.exists() {
		return
	}
	cat, err := local.open(ctx)
	if err != nil {
		return
	}
	listed, err := syncer.Ahead(ctx, st, cat)
	if err != nil {
		_ = cat.Close()
		return
	}
	a.cat, a.snapshots = cat, listed
}

// take gives away what is there, once.
func (a *ahead) take() (*catalog.Catalog, []resticrepo.File) {
	cat, snapshots := a.cat, a.snapshots
	a.cat, a.snapshots = nil, nil
	return cat, snapshots
}

func (a *ahead) close() error {
	if cat, _ := a.take(); cat != nil {
		return cat.Close()
	}
	return nil
}

func (e *environment) synchronizeWith(ctx context.Context, r *place.Opened, local *localCatalog, ahead *ahead) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	lock, err := local.lock(ctx, func() {
		e.note("waiting for another process that synchronizes this repository")
		_ = ahead.close() // it will be out of date
	})
	if err != nil {
		return nil, stats, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if local.foundDamaged() {
		e.note("the local catalog was found damaged; it is built anew")
		if err := errors.Join(ahead.close(), local.discard()); err != nil {
			return nil, stats, err
		}
	}
	until := time.Now().Add(e.retryLock)
	for attempt := 1; ; attempt++ {
		cat, stats, err = e.session(ctx, r, local, ahead)
		if e.waitUnlocked(ctx, r, err, until) {
			if cat != nil {
				if err = cat.Close(); err != nil {
					return nil, stats, err
				}
			}
			attempt--
			continue
		}
		if !errors.Is(err, catalog.ErrAnother) && !catalog.Unusable(err) || attempt == 3 {
			return cat, stats, err
		}
		if err := e.otherCatalog(ctx, r, local, err); err != nil {
			return nil, stats, err
		}
	}
}

// otherCatalog changes to the catalog of another repository, or throws away the
// one that cannot be used.
func (e *environment) otherCatalog(ctx context.Context, r *place.Opened, local *localCatalog, why error) error {
	switch {
	case errors.Is(why, catalog.ErrAnother):
		id := syncline.Hash(r.Repository.Config().ID)
		e.note("another repository lies there than the last time, %s; it has a catalog of its own", id.Short())
		return local.turnTo(ctx, id)
	case errors.Is(why, catalog.ErrOutdated):
		e.note("the local catalog is of another version of Syncline; it is built anew")
	default:
		e.note("the local catalog is built anew: %s", messageOf(why))
	}
	return local.discard()
}

// session synchronizes once. It leaves the catalog as synchronize does.
func (e *environment) session(ctx context.Context, r *place.Opened, local *localCatalog, ahead *ahead) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	cat, snapshots := ahead.take()
	if cat == nil {
		if cat, err = local.open(ctx); err != nil {
			return nil, stats, err
		}
	}
	shown := newProgress(e)
	stats, err = syncer.Run(ctx, syncer.Params{
		Repository: r.Repository, Counter: r.Counter, Catalog: cat, Reporter: shown,
		Snapshots: snapshots, Streams: r.Streams, MaxRead: r.MaxRead, Logger: e.logger(),
	})
	shown.end()
	if errors.Is(err, catalog.ErrReadOnly) || errors.Is(err, catalog.ErrNoRoom) {
		return answerable(ctx, cat, local, err)
	}
	repository := errors.Is(err, syncer.ErrPartial) || syncline.CodeOf(err) == syncline.CodeDamaged
	if err != nil && (!repository || errors.Is(err, catalog.ErrDamaged)) {
		return nil, stats, errors.Join(err, cat.Close())
	}
	return cat, stats, err
}

// plainInterval is the time between two lines where there is no terminal.
const plainInterval = 5 * time.Second

// answerable returns a catalog that could not be brought up to date for want of room
// or rights, when there is something in it to answer from, and the error that says
// so.
func answerable(ctx context.Context, cat *catalog.Catalog, local *localCatalog, why error) (*catalog.Catalog, syncline.SessionStatistics, error) {
	shown := 0
	err := cat.View(ctx, func(v *catalog.View) error {
		list, err := v.Snapshots()
		shown = len(list)
		return err
	})
	why = syncline.WrapError(syncline.CodeUnavailable, why, "the catalog in %s cannot be brought up to date (%s); make room or name another directory with --cache-dir", local.dir, messageOf(why))
	if err != nil || shown == 0 {
		return nil, syncline.SessionStatistics{}, errors.Join(why, cat.Close())
	}
	return cat, syncline.SessionStatistics{}, syncline.WrapError(syncline.CodeUnavailable, why, "%s; this answer is that of the last synchronization", messageOf(why))
}

// progressInterval is the time between two lines of progress: what the user
// asked for, else drawn on a terminal.
func (e *environment) progressInterval(terminal bool, drawn time.Duration) time.Duration {
	switch {
	case e.progressEvery > 0:
		return e.progressEvery
	case terminal:
		return drawn
	}
	return plainInterval
}

// progressView shows a synchronization on standard error. It is the
// synchronization's Reporter.
type progressView struct {
	env      *environment
	terminal bool
	begun    time.Time
	last     time.Time
	drawn    bool
}

func newProgress(e *environment) *progressView {
	_, terminal := isTerminal(e.stderr)
	now := time.Now()
	return &progressView{env: e, terminal: terminal, begun: now, last: now}
}

// Progress implements syncer.Reporter.
func (p *progressView) Progress(percent int, stats syncline.SessionStatistics) {
	now := time.Now()
	if p.env.quiet || p.env.json || now.Sub(p.last) < p.env.progressInterval(p.terminal, 0) {
		return
	}
	p.last = now
	elapsed := now.Sub(p.begun)
	rate := float64(stats.BytesFetched) / max(elapsed.Seconds(), 0.001)
	left := "?"
	if percent > 0 {
		left = (elapsed * time.Duration(100-percent) / time.Duration(percent)).Round(time.Second).String()
	}
	line := fmt.Sprintf("synchronizing: %3d %%, %s, %s/s, %s left", percent, formatSize(uint64(stats.BytesFetched)), formatSize(uint64(rate)), left)
	if !p.terminal {
		fmt.Fprintln(p.env.stderr, line)
		return
	}
	const width = 20
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = "-#"[btoi(i*100 < percent*width)]
	}
	fmt.Fprintf(p.env.stderr, "\r\x1b[K[%s] %s", bar, line)
	p.drawn = true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Log implements syncer.Reporter.
func (p *progressView) Log(level syncline.LogLevel, message string) {
	bad := level == syncline.LogWarning || level == syncline.LogError
	if !bad && p.env.verbose == 0 {
		return
	}
	p.end()
	p.env.note("%s", message)
}

// Behind implements syncer.Reporter.
func (*progressView) Behind() {}

// end clears the bar.
func (p *progressView) end() {
	if p.drawn {
		fmt.Fprint(p.env.stderr, "\r\x1b[K")
		p.drawn = false
	}
}

// formatSize writes a size as restic does.
func formatSize(n uint64) string {
	b := float64(n)
	switch {
	case n >= 1<<40:
		return fmt.Sprintf("%.3f TiB", b/(1<<40))
	case n >= 1<<30:
		return fmt.Sprintf("%.3f GiB", b/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.3f MiB", b/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.3f KiB", b/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
