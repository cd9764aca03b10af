package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/syncer"
)

// Engine answers about one repository from a catalog in the cache directory. All
// fields are required, except those whose zero value is explained.
type Engine struct {
	Place place.Named
	// Network returns how to speak to the storage. The engine calls it when it
	// opens the storage.
	Network func() (place.Network, error)
	// Stall is the time without a byte after which a request is broken off; 0 for
	// the default.
	Stall time.Duration
	Dir   string // the cache directory

	// Password returns the repository's password. ok is false where only the user
	// knows it.
	Password func(ctx context.Context) (password string, ok bool, err error)
	// PasswordAtHand returns the password where it can be had at once: nobody is asked, no
	// program runs, and reading it changes nothing.
	PasswordAtHand func(ctx context.Context) (password string, ok bool)
	// AskPassword asks the user and calls open with the answer. It can ask again
	// while open returns CodeWrongPassword.
	AskPassword func(ctx context.Context, open func(password string) error) error
	// KeyHint is the id of the key to try first; "" for none.
	KeyHint string

	// NoSync answers from the catalog as it is.
	NoSync bool
	// RetryLock is the longest wait for the end of an exclusive lock while objects
	// are missing; 0 for no waiting.
	RetryLock time.Duration

	// Note shows the user a remark.
	Note func(format string, args ...any)
	// Reporter returns the reporter of one synchronization, and the function that
	// ends its display.
	Reporter func() (r syncer.Reporter, end func())
	Logger   *slog.Logger
	// After is time.After when nil.
	After func(time.Duration) <-chan time.Time
}

// cached returns the place's catalog in the cache directory.
func (e *Engine) cached() *cached {
	sum := sha256.Sum256([]byte(e.Place.Key))
	return &cached{dir: e.Dir, key: hex.EncodeToString(sum[:16])}
}

// MarkDamaged marks the catalog as damaged. The next synchronization builds a new
// one.
func (e *Engine) MarkDamaged() error { return e.cached().markDamaged() }

// Catalog runs fn with the repository's catalog, which it brings up to date
// first unless NoSync is set. With a damaged repository fn sees the part that
// could be synchronized. The error is that of fn; damage elsewhere is a note.
func (e *Engine) Catalog(ctx context.Context, fn func(*catalog.Catalog) error) error {
	return e.Session(ctx, func(c *catalog.Catalog, _ syncline.SessionStatistics, damage error) error {
		return e.beside(damage, fn(c))
	})
}

// beside makes the command's error from the damage of a session and the error of
// a question. A complete answer succeeds in spite of damage elsewhere. If
// something is missing and an exclusive lock explains it, the error is that of
// the lock.
func (e *Engine) beside(damage, err error) error {
	switch {
	case damage == nil:
		return err
	case !errors.Is(damage, syncer.ErrPartial):
		return errors.Join(damage, err)
	case syncline.CodeOf(damage) == syncline.CodeLocked && lacks(err):
		e.Note("%s", MessageOf(err))
		return damage
	}
	e.Note("%s", MessageOf(damage))
	return err
}

// lacks reports whether an error is about something that is missing.
func lacks(err error) bool {
	return errors.Is(err, explore.ErrNotShown) || errors.Is(err, catalog.ErrLost) || syncline.CodeOf(err) == syncline.CodeDamaged
}

// Session is Catalog for a command about the session itself. damage is the error
// of the session.
func (e *Engine) Session(ctx context.Context, fn func(c *catalog.Catalog, stats syncline.SessionStatistics, damage error) error) error {
	local := e.cached()
	if e.NoSync {
		cat, err := local.read(ctx)
		if errors.Is(err, catalog.ErrMissing) {
			return syncline.WrapError(syncline.CodeNotFound, err, "there is no catalog of %s yet; run the command once without --no-sync", e.Place.Name)
		}
		if err != nil {
			return err
		}
		return errors.Join(fn(cat, syncline.SessionStatistics{}, nil), cat.Close())
	}
	cat, stats, damage := e.synchronize(ctx, local)
	if cat == nil {
		return e.withHint(damage, local)
	}
	return errors.Join(fn(cat, stats, damage), cat.Close())
}

// withHint adds a hint to the error of a repository that cannot be reached: that
// an older catalog exists.
func (e *Engine) withHint(err error, local *cached) error {
	switch syncline.CodeOf(err) {
	case syncline.CodeUnavailable, syncline.CodeNoRepository:
		if local.exists() {
			return syncline.WrapError(syncline.CodeOf(err), err, "%s; --no-sync answers from the catalog of the last synchronization", MessageOf(err))
		}
	}
	return err
}

// Contents runs fn with the catalog, which it brings up to date first unless
// NoSync is set, and with the contents in the repository.
func (e *Engine) Contents(ctx context.Context, fn func(*catalog.View, *content.Source) error) (err error) {
	local := e.cached()
	if e.NoSync && !local.exists() {
		return syncline.Errorf(syncline.CodeNotFound, "there is no catalog of %s yet; run the command once without --no-sync", e.Place.Name)
	}
	ahead, read := &ahead{}, &places{}
	defer func() { err = errors.Join(err, ahead.close()) }()
	r, err := e.open(ctx, func(ctx context.Context, st storage.Storage) {
		if !e.NoSync {
			ahead.look(ctx, st, local)
		}
		if e.NoSync || ahead.cat != nil {
			read.look(ctx, local, ahead)
		}
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var cat *catalog.Catalog
	var damage error // the synchronized part can still be read
	if e.NoSync {
		cat, err = local.readOf(ctx, syncline.Hash(r.Repository.Config().ID))
	} else {
		cat, _, damage = e.synchronizeWith(ctx, r, local, ahead)
	}
	if cat == nil {
		return errors.Join(damage, err)
	}
	err = cat.View(ctx, func(v *catalog.View) error {
		if err := content.Check(v, r.Repository); err != nil {
			return err
		}
		locator, err := read.locatorOf(ctx, v)
		if err != nil {
			return err
		}
		return explainLock(ctx, r, fn(v, &content.Source{Repository: r.Repository, Locator: locator, Streams: r.Streams}))
	})
	return errors.Join(e.beside(damage, err), cat.Close())
}
