// Package folders notices changes in the folders of local repositories at once. It knows
// no repository: a change is a file that comes into or leaves the folder of snapshots,
// or a folder that vanishes.
//
// Only file systems of this machine tell of changes. NFS, SMB, FUSE and their like tell
// of those that this machine makes and hide the rest, so their folders are not watched.
package folders

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"syncline.dev/syncline"
)

const (
	// MaxFolders bounds the repositories that are watched. Each takes two of the
	// system's watches.
	MaxFolders = 1000
	// quiet is the time without a change after which a change is told, and atMost the
	// longest time that it waits.
	quiet, atMost = time.Second, 10 * time.Second
	// tryEvery is the time between two tries to watch a folder that is not there.
	tryEvery = 30 * time.Second
)

// Watcher watches folders.
type Watcher struct {
	// Changed is told of a repository in whose folder something has changed.
	Changed func(repository syncline.ID)
	Logger  *slog.Logger

	local func(path string) (bool, error) // isLocal

	mu     sync.Mutex
	wanted map[syncline.ID]string
	news   chan struct{} // holds one signal
}

// Watch says which folders are to be watched, by their repositories. It returns at once.
func (w *Watcher) Watch(folders map[syncline.ID]string) {
	w.mu.Lock()
	same := w.wanted != nil && maps.Equal(w.wanted, folders)
	w.wanted = folders
	w.mu.Unlock()
	if !same {
		select {
		case w.signal() <- struct{}{}:
		default:
		}
	}
}

func (w *Watcher) signal() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news == nil {
		w.news = make(chan struct{}, 1)
	}
	return w.news
}

// folder is a repository's folder.
type folder struct {
	path     string
	watched  bool
	looking  bool // whether it can be watched
	never    bool // its file system does not tell
	told     bool // in the log
	first    time.Time
	due      time.Time // when the change is told, zero for none
	lastTry  time.Time
	lastFail string
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.Logger.Warn("changes in local folders are not seen at once, but by the schedule: the system gives no watch", "error", err)
		return
	}
	defer func() {
		if err := events.Close(); err != nil {
			w.Logger.Warn("cannot end the watch of local folders", "error", err)
		}
	}()
	l := &loop{Watcher: w, events: events, folders: make(map[syncline.ID]*folder), found: make(chan found)}
	if l.local == nil {
		l.local = isLocal
	}
	l.run(ctx)
}

// loop is a running Watcher. Only its goroutine uses it.
type loop struct {
	*Watcher
	events  *fsnotify.Watcher
	folders map[syncline.ID]*folder
	found   chan found
}

// found says whether a folder can be watched.
type found struct {
	id    syncline.ID
	path  string
	local bool
	err   error
}

func (l *loop) run(ctx context.Context) {
	news, tick := l.signal(), time.NewTicker(tryEvery)
	defer tick.Stop()
	for {
		l.follow(ctx)
		next := l.tell(time.Now())
		select {
		case <-news:
		case <-tick.C:
		case <-next:
		case f := <-l.found:
			l.add(f)
		case e := <-l.events.Events:
			l.change(e)
		case err := <-l.events.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) { // some were lost
				for _, f := range l.folders {
					f.changed(time.Now())
				}
			} else {
				l.Logger.Warn("the watch of local folders fails", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// follow brings the folders in line with those that are wanted, and looks at those that
// are not watched.
func (l *loop) follow(ctx context.Context) {
	l.mu.Lock()
	wanted := l.wanted
	l.mu.Unlock()
	for id, f := range l.folders {
		if wanted[id] != f.path {
			l.drop(f)
			delete(l.folders, id)
		}
	}
	now := time.Now()
	for id, path := range wanted {
		f := l.folders[id]
		if f == nil && len(l.folders) >= MaxFolders {
			continue
		}
		if f == nil {
			f = &folder{path: path}
			l.folders[id] = f
		}
		if f.watched || f.looking || f.never || now.Sub(f.lastTry) < tryEvery {
			continue
		}
		f.looking, f.lastTry = true, now
		go func() { // a file system can hang
			local, err := l.local(path)
			select {
			case l.found <- found{id, path, local, err}:
			case <-ctx.Done():
			}
		}()
	}
}

// add watches a folder that can be watched.
func (l *loop) add(x found) {
	f := l.folders[x.id]
	if f == nil || f.path != x.path {
		return
	}
	f.looking = false
	switch {
	case x.err != nil: // it is not there; a check tells
	case !x.local:
		f.never = true
		l.Logger.Info("changes in this folder are not seen at once, but by the schedule: its file system does not tell of them", "repository", x.id)
	default:
		err := l.events.Add(f.path)
		if err == nil {
			err = l.events.Add(snapshotsOf(f.path))
		}
		if err != nil {
			l.drop(f)
			if f.lastFail != err.Error() {
				f.lastFail = err.Error()
				l.Logger.Warn("changes in this folder are not seen at once, but by the schedule", "repository", x.id, "error", err)
			}
			return
		}
		if f.watched = true; f.told {
			f.changed(time.Now()) // it was away meanwhile
		}
		f.told, f.lastFail = true, ""
	}
}

func snapshotsOf(path string) string { return filepath.Join(path, "snapshots") }

// drop ends the watch of a folder.
func (l *loop) drop(f *folder) {
	f.watched = false
	// They are gone already if the folder is.
	_ = l.events.Remove(f.path)
	_ = l.events.Remove(snapshotsOf(f.path))
}

// change notes what has changed.
func (l *loop) change(e fsnotify.Event) {
	if e.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0 {
		return
	}
	for _, f := range l.folders {
		in, gone := filepath.Dir(e.Name), e.Op&(fsnotify.Remove|fsnotify.Rename) != 0
		switch {
		case e.Name == f.path, e.Name == snapshotsOf(f.path):
			if gone && f.watched { // the watch goes with it
				l.drop(f)
				f.lastTry = time.Now()
			}
		case in == f.path:
		case in == snapshotsOf(f.path):
			if !isName(filepath.Base(e.Name)) {
				continue // restic writes under another name first
			}
		default:
			continue
		}
		f.changed(time.Now())
	}
}

// isName reports whether a name is that of an object of a repository.
func isName(name string) bool {
	_, err := syncline.ParseHash(name)
	return err == nil
}

func (f *folder) changed(now time.Time) {
	if f.due.IsZero() {
		f.first = now
	}
	if f.due = now.Add(quiet); f.due.Sub(f.first) > atMost {
		f.due = f.first.Add(atMost)
	}
}

// tell tells the changes that are due, and returns a signal for the next one, nil for
// none.
func (l *loop) tell(now time.Time) <-chan time.Time {
	var next time.Time
	for id, f := range l.folders {
		switch {
		case f.due.IsZero():
		case !f.due.After(now):
			f.due = time.Time{}
			l.Changed(id)
		case next.IsZero() || f.due.Before(next):
			next = f.due
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(next.Sub(now))
}
