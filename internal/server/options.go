package server

import (
	"log/slog"
	"os"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
)

// Options say how a server runs.
type Options struct {
	// Settings are the operator's. Data "" stands for the default directory.
	Settings

	// FirstPassword returns the administrator's password when there is no user. data
	// is the data directory.
	FirstPassword func(data string) (FirstPassword, error)
	Logger        *slog.Logger
	Level         *slog.LevelVar // of Logger, for the setting debug; nil leaves it alone
	Version       string         // of the program

	// Reload returns the settings as they are at that moment. It is called for each
	// signal that Hangup brings. Both may be nil.
	Reload func() (Settings, error)
	Hangup <-chan os.Signal

	// Ready is called when the server answers. An error of it ends the server.
	Ready func(*Server) error

	kinds place.Kinds // of storage; those of package kinds when nil

	resolved
}

// resolved is what the settings stand for.
type resolved struct {
	// reserve is the free space in bytes that catalogs leave on their disk; below
	// zero it is a share of the disk.
	reserve int64
	base    string // of all paths, "" for none

	database secret.String // the URL of PostgreSQL, empty for SQLite
	listen   secret.String // the URL for wake-ups, empty for the same

	// roots are the folders that restores may write into.
	roots []syncline.RestoreTarget
	// keepFree returns the free space that restores leave on a disk of total bytes;
	// nil for no check.
	keepFree func(total int64) int64

	changeable
}

// changeable is the part that changes while the server runs.
type changeable struct {
	proxies      peer.Proxies
	metricsToken secret.String // empty for none
	authorities  []byte        // in PEM
}

// resolve reads the files that the settings name, and understands the rest of them.
func (s *Settings) resolve() (r resolved, err error) {
	if s.Data, err = s.dataDir(); err != nil {
		return r, err
	}
	if r.base, err = s.basePath(); err != nil {
		return r, err
	}
	if r.database, err = s.databaseURL(); err != nil {
		return r, err
	}
	r.listen = secret.NewString(s.DatabaseListen)
	if r.reserve, err = s.catalogReserve(); err != nil {
		return r, err
	}
	if r.roots, err = s.restoreRoots(); err != nil {
		return r, err
	}
	if r.keepFree, err = s.minFree(); err != nil {
		return r, err
	}
	if err = s.checkRemotes(); err != nil {
		return r, err
	}
	r.changeable, err = s.change()
	return r, err
}

// change resolves the settings that change while the server runs.
func (s *Settings) change() (c changeable, err error) {
	if c.proxies, err = peer.ParseProxies(s.TrustedProxies); err != nil {
		return c, err
	}
	if c.metricsToken, err = s.readMetricsToken(); err != nil {
		return c, err
	}
	c.authorities, err = s.certificates()
	return c, err
}

// setLevel makes the logger tell what the setting debug says.
func (o *Options) setLevel() {
	switch {
	case o.Level == nil:
	case o.Debug:
		o.Level.Set(slog.LevelDebug)
	default:
		o.Level.Set(slog.LevelInfo)
	}
}

// keep returns the bound of the ended work of a kind: the newest sessions of each
// repository, and the newest of all other work.
func (o *Options) keep(kind syncline.WorkKind) func(now time.Time) store.Keep {
	return func(now time.Time) store.Keep {
		k := store.Keep{Kind: kind, Newest: o.HistoryCount, PerRepository: kind == syncline.WorkSynchronize}
		if age := o.keepAge(); age > 0 {
			k.Since = now.Add(-age)
		}
		return k
	}
}
