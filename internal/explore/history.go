package explore

import (
	"context"
	"errors"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// HistoryQuery asks for the versions of one path in a repository.
type HistoryQuery struct {
	Path   string // absolute
	Host   string // only this host; all when empty
	Limit  int
	Cursor string
}

// VersionEvent says how a version began.
type VersionEvent string

// The events.
const (
	VersionAppeared VersionEvent = "Appeared"
	VersionChanged  VersionEvent = "Changed"
	VersionVanished VersionEvent = "Vanished"
)

// Version is one state of a path in consecutive restore points of a host.
type Version struct {
	Hostname      string
	Event         VersionEvent
	Entry         *syncline.Entry // nil when the path vanished
	First, Last   syncline.ID     // restore points
	FirstTime     time.Time
	LastTime      time.Time
	RestorePoints int // number of those with this state

	FirstSnapshot, LastSnapshot syncline.Hash
}

// VersionPage is one page of versions, oldest first.
type VersionPage struct {
	Versions []Version
	Unknown  int    // restore points in which folders on the way are lost
	Next     string // cursor of the next page; "" at the end
}

// History returns a page of the versions of a path in a repository, oldest
// first. A path that no snapshot has is CodeNotFound.
func (x *Explorer) History(ctx context.Context, repository syncline.ID, q HistoryQuery) (page VersionPage, err error) {
	err = x.Points.Catalogs.Use(ctx, repository, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			// The catalog's state is part of the key, because a new snapshot
			// can add a version before the cursor.
			key := cursorKey("history", string(repository), q.Path, q.Host, v.Changes())
			first := 0
			if q.Cursor != "" {
				numbers, err := decodeCursor(key, q.Cursor)
				if err != nil || len(numbers) != 1 || numbers[0] > 1<<31 {
					return syncline.Errorf(syncline.CodeConflict,
						"the cursor is of another query, or the repository was synchronized since; begin with the first page again")
				}
				first = int(numbers[0])
			}
			all, unknown, err := Versions(ctx, v, q.Path, func(s *syncline.Snapshot) bool { return q.Host == "" || s.Hostname == q.Host })
			if err != nil {
				return err
			}
			page.Unknown = unknown
			page.Versions = all[min(first, len(all)):]
			if len(page.Versions) > q.Limit {
				page.Versions = page.Versions[:q.Limit]
				page.Next = encodeCursor(key, uint64(first+q.Limit))
			}
			return nil
		})
	})
	for i := range page.Versions {
		w := &page.Versions[i]
		w.First, w.Last = RestorePointID(repository, w.FirstSnapshot), RestorePointID(repository, w.LastSnapshot)
		w.Entry = bare(w.Entry)
	}
	return page, err
}

// Versions returns the versions of a path in the snapshots that choose takes,
// oldest first. Inode, access time and change time alone make no version. A
// snapshot of other folders says nothing about the path. A snapshot in which a
// folder on the way is lost says nothing either, and unknown counts it.
func Versions(ctx context.Context, v *catalog.View, path string, choose func(*syncline.Snapshot) bool) (versions []Version, unknown int, err error) {
	if path, err = cleanPath(path); err != nil {
		return nil, 0, err
	}
	t := newTracer(v, path)
	err = v.EachSnapshot(func(s *catalog.Snapshot) error {
		if err := ctx.Err(); err != nil || !choose(&s.Snapshot) {
			return err
		}
		err := catalog.ErrLost
		if !s.Lost {
			err = t.add(s, path)
		}
		if errors.Is(err, catalog.ErrLost) {
			unknown++
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return nil, 0, err
	case len(t.out) == 0 && unknown > 0:
		return nil, unknown, syncline.WrapError(syncline.CodeDamaged, catalog.ErrLost,
			"there is no %s in any of the snapshots as far as is known; the repository has lost folders on the way to it in %d of them", quoted(path), unknown)
	case len(t.out) == 0:
		return nil, 0, syncline.Errorf(syncline.CodeNotFound, "there is no %s in any of the snapshots", quoted(path))
	}
	return t.out, unknown, nil
}

// tracer follows one path through snapshots.
type tracer struct {
	v       *catalog.View
	parts   []string
	root    *syncline.Entry                      // of every root
	names   []*catalog.Named                     // of the parts
	entries map[catalog.EntryRef]found           // of the last part
	unread  map[*syncline.Entry]catalog.EntryRef // entries whose content is not read
	series  map[string]seriesState
	scopes  map[string]knownScopes // by host and folders
	out     []Version
}

func newTracer(v *catalog.View, path string) *tracer {
	t := &tracer{
		v: v, parts: pathParts(path), root: rootEntry(),
		entries: make(map[catalog.EntryRef]found), unread: make(map[*syncline.Entry]catalog.EntryRef),
		series: make(map[string]seriesState), scopes: make(map[string]knownScopes),
	}
	for _, name := range t.parts {
		t.names = append(t.names, v.Named(name))
	}
	return t
}

// seriesState is the number of the last version of a series of snapshots.
type seriesState struct {
	version int
	at      found
}

func (t *tracer) add(s *catalog.Snapshot, path string) error {
	at, err := t.find(s.Root)
	if err != nil {
		return err
	}
	in, covered, err := t.scopeOf(s, path)
	if err != nil || at.entry == nil && !covered {
		return err
	}
	// Above the folders of a snapshot, the content depends on which folders
	// were backed up. A relative path elsewhere is another folder.
	key := s.Hostname + "\x00" + in.base
	if !covered {
		key = groupKey(s, Grouping{Host: true, Paths: true})
	}
	last, begun := t.series[key]
	if !begun && at.entry == nil {
		return nil
	}
	same := false
	if begun {
		if same, err = t.same(last.at, at); err != nil {
			return err
		}
	}
	if same {
		w := &t.out[last.version]
		w.LastSnapshot, w.LastTime = s.ID, s.Time
		w.RestorePoints++
		return nil
	}
	event := VersionChanged
	switch {
	case at.entry == nil:
		event = VersionVanished
	case !begun || last.at.entry == nil:
		event = VersionAppeared
	}
	t.series[key] = seriesState{len(t.out), at}
	t.out = append(t.out, Version{
		Hostname: s.Hostname, Event: event, Entry: at.entry, RestorePoints: 1,
		FirstSnapshot: s.ID, LastSnapshot: s.ID, FirstTime: s.Time, LastTime: s.Time,
	})
	return nil
}

// find returns the entry at the path, with a nil entry for none.
func (t *tracer) find(root catalog.TreeRef) (found, error) {
	if len(t.parts) == 0 {
		return found{t.root, root, true}, nil
	}
	last := len(t.parts) - 1
	for _, name := range t.names[:last] {
		var ok bool
		var err error
		if root, ok, err = name.Tree(root); err != nil || !ok {
			return found{}, err
		}
	}
	return t.last(root)
}

// last returns the entry of the path in its folder. It reads each entry once, in however
// many versions of the folder it is. Only a lost folder needs its hash: the number of the
// tree tells others apart, and hashes are many more reads.
func (t *tracer) last(folder catalog.TreeRef) (at found, err error) {
	ref, ok, err := t.names[len(t.names)-1].In(folder)
	if err != nil || !ok {
		return found{}, err
	}
	if at, ok = t.entries[ref]; ok {
		return at, nil
	}
	at.entry, at.sub, at.ok, err = t.v.RefEntry(ref, 0)
	if err == nil && at.entry.Lost {
		at.entry, at.sub, at.ok, err = t.v.RefEntry(ref, catalog.WithSubtree)
	}
	if err != nil {
		return found{}, err
	}
	if !at.entry.IsDir() {
		t.unread[at.entry] = ref
	}
	t.entries[ref] = at
	return at, nil
}

// same reports whether two entries are one version. It reads their contents only where
// all else is the same, because that is one more read for each.
func (t *tracer) same(a, b found) (bool, error) {
	switch {
	case !sameVersion(a, b):
		return false, nil
	case a.entry == b.entry:
		return true, nil
	}
	for _, e := range []*syncline.Entry{a.entry, b.entry} {
		ref, ok := t.unread[e]
		if !ok {
			continue
		}
		whole, _, _, err := t.v.RefEntry(ref, catalog.WithContent)
		if err != nil {
			return false, err
		}
		e.Content = whole.Content
		delete(t.unread, e)
	}
	return slices.Equal(a.entry.Content, b.entry.Content), nil
}

// sameVersion compares all but the content.
func sameVersion(a, b found) bool {
	if a.entry == nil || b.entry == nil {
		return a.entry == b.entry
	}
	x, y := *a.entry, *b.entry
	for _, e := range []*syncline.Entry{&x, &y} {
		e.AccessTime, e.ChangeTime = e.ModTime, e.ModTime
		e.Inode, e.DeviceID, e.Links = 0, 0, 0
	}
	if x.Lost || y.Lost { // the folder's hash tells whether its content is the same
		a.ok, b.ok = false, false
		if x.Subtree != y.Subtree {
			return false
		}
	}
	return a.ok == b.ok && (!a.ok || a.sub == b.sub) && sameMetadata(&x, &y)
}
