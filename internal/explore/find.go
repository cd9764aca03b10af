package explore

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/pattern"
)

// Query says what to find: the entries that Patterns or Contains choose and
// that pass all filters. Without either, it chooses every entry.
type Query struct {
	// Patterns are those of restic's find. A matching folder chooses everything
	// below it.
	Patterns   []string
	IgnoreCase bool // for Patterns, as restic does it
	// Contains holds parts of names. Letter case does not count, and neither
	// does the normal form of accented letters. A matching folder does not
	// choose the entries below it.
	Contains  []string
	MatchCase bool // for Contains: the text must match exactly

	Below          []string             // only below the folder of this path, a name an element
	Types          []syncline.EntryType // any of them; empty for all
	MinSize        uint64               // bytes; a bound on sizes chooses files only
	MaxSize        *uint64              // nil for none
	Oldest, Newest time.Time            // bounds of the modification time, both included; zero for none

	Detail catalog.Detail // fields of the entries to fill in
	Limits Limits

	// More says that other searches will follow. The first one then makes the
	// tables that speed them up.
	More bool `json:"-"` // two queries that differ in it are the same

	// After and Positions are for FindVersions. The search begins behind After.
	// With Positions, each version has its Position.
	After     Position
	Positions bool
}

// Position is a place in the results of FindVersions: behind so many versions
// at a path. Versions count before filters are applied. The zero value is the
// beginning.
type Position struct {
	Names    []string // parts of the path
	Versions int
}

// Check fails with CodeInvalid for a pattern that cannot be used.
func (q *Query) Check() error {
	if len(q.Patterns) > pattern.MaxPatterns {
		return syncline.Errorf(syncline.CodeInvalid, "there are %d patterns; at most %d can be matched", len(q.Patterns), pattern.MaxPatterns)
	}
	for _, text := range q.Patterns {
		if _, err := pattern.Parse(text, q.IgnoreCase); err != nil {
			return err
		}
	}
	return nil
}

// Limits bound a search. A zero value is no bound.
type Limits struct {
	Results  int64
	Folders  int64 // folders to look into, at each path anew
	Path     int   // bytes; folders with longer paths are not looked into; 1 MiB when 0
	Deadline time.Time

	looks int // at the time; so many looks end it, for tests
}

// Cut says why a search ended early.
type Cut string

// The reasons why a search is cut.
const (
	Complete   Cut = ""
	CutResults Cut = "results" // there may be more results than the limit
	CutFolders Cut = "folders" // the search looked into as many folders as the limit
	CutTime    Cut = "time"    // the deadline passed
	CutDepth   Cut = "depth"   // folders with a path over the limit are left out
)

// maxPath bounds the bytes of a path. The time for nested folders grows with
// the square of their depth.
const maxPath = 1 << 20

// Hit is an entry at a path of one snapshot. fn may keep it.
type Hit struct {
	Snapshot *catalog.Snapshot
	Path     string
	Entry    *syncline.Entry
}

// Find calls fn with everything that the query chooses. It takes the snapshots
// in the given order, and each one in the order of names, depth first, a folder
// before its entries. An error of fn ends the search and is returned.
func Find(ctx context.Context, v *catalog.View, snapshots []catalog.Snapshot, q *Query, fn func(*Hit) error) (Cut, error) {
	f, err := newFinder(ctx, v, q)
	defer f.close()
	if err != nil || f.nothing() {
		return f.cut, err
	}
	for i := range snapshots {
		s := &snapshots[i]
		err := f.walk([]group{{s.Root, []int32{0}}}, func(w *waiting, e *syncline.Entry) error {
			return fn(&Hit{Snapshot: s, Path: w.path, Entry: e})
		})
		if err != nil {
			return f.result(err)
		}
	}
	return f.cut, nil
}

// VersionHit is an entry at a path, once for all snapshots with exactly this
// entry: the same name, metadata and content.
type VersionHit struct {
	Path  string
	Entry *syncline.Entry
	// Snapshots are positions in the list of snapshots, ascending. They are
	// read-only.
	Snapshots []int32
	// Position is the place behind this version, if the query asks for it.
	Position Position
}

// FindVersions calls fn with everything that the query chooses, in the order of
// paths, each folder before its entries. The versions of one path come in the
// order of their first snapshots. FindVersions looks at everything that several
// snapshots share once. An error of fn ends the search and is returned.
func FindVersions(ctx context.Context, v *catalog.View, snapshots []catalog.Snapshot, q *Query, fn func(*VersionHit) error) (Cut, error) {
	f, err := newFinder(ctx, v, q)
	defer f.close()
	if err != nil || f.nothing() {
		return f.cut, err
	}
	var roots sets[catalog.TreeRef]
	for i := range snapshots {
		roots.add(snapshots[i].Root, []int32{int32(i)})
	}
	err = f.walk(appendGroups(nil, &roots), func(w *waiting, e *syncline.Entry) error {
		return fn(&VersionHit{Path: w.path, Entry: e, Snapshots: w.in, Position: w.at})
	})
	return f.result(err)
}

// finder carries out one query.
type finder struct {
	ctx      context.Context
	v        *catalog.View
	q        *Query
	search   *catalog.Search
	way      *catalog.Search // nil, or entries of which each match has one on its way:
	wayPart  int             // those that this part of the single pattern matches
	patterns []*pattern.Pattern
	contains []func(name string) bool
	byName   bool // an entry with a found name matches, whatever its path
	cut      Cut
	results  int64
	folders  int64
	steps    int
	looks    int // looks at the time

	stack   []place           // from the root to the walk's present place
	items   []item            // of the places in stack
	groups  []group           // of the place that is read next
	ahead   []catalog.TreeRef // their trees
	trees   sets[catalog.TreeRef]
	entries sets[catalog.EntryRef]
	emit    emitFunc
	waiting []waiting // matches whose metadata is not read yet, by place
	refs    []catalog.EntryRef
	batch   int
}

// newFinder returns a finder also with an error.
func newFinder(ctx context.Context, v *catalog.View, q *Query) (*finder, error) {
	f := &finder{ctx: ctx, v: v, q: q, byName: len(q.Contains) == 0}
	texts := q.Patterns
	if len(texts)+len(q.Contains) == 0 {
		texts = []string{""}
	}
	var terms []catalog.NameTerm
	for _, text := range texts {
		p, err := pattern.Parse(text, q.IgnoreCase)
		if err != nil {
			return f, err
		}
		f.patterns = append(f.patterns, p)
		f.byName = f.byName && p.SingleName()
		terms = append(terms, termOfPattern(p))
	}
	for _, text := range q.Contains {
		term := containsTerm(text)
		if q.MatchCase {
			term = catalog.NameTerm{Literal: text, Match: func(name string) bool { return strings.Contains(name, text) }}
		}
		f.contains = append(f.contains, term.Match)
		terms = append(terms, term)
	}
	if f.expired() {
		return f, nil
	}
	if !q.Limits.Deadline.IsZero() {
		limited, cancel := context.WithDeadline(ctx, q.Limits.Deadline)
		defer cancel()
		ctx = limited
	}
	var err error
	f.search, err = v.Search(ctx, terms, q.More)
	if err == nil && len(f.patterns) == 1 && len(f.contains) == 0 && f.search.Count() > manyFound {
		p := f.patterns[0]
		if f.wayPart = rarestPart(p); f.wayPart >= 0 {
			f.way, err = v.Search(ctx, []catalog.NameTerm{termOfPart(p, &p.Parts()[f.wayPart])}, q.More)
		}
	}
	if err != nil && f.ctx.Err() == nil && f.expired() {
		err = nil
	}
	return f, err
}

func (f *finder) close() {
	for _, s := range []*catalog.Search{f.search, f.way} {
		if s != nil {
			s.Close()
		}
	}
}

// manyFound is the number of entries from which a second look-up pays, of
// entries on the way to them. It is a variable for tests.
var manyFound = 1000

// nothing reports whether no entry can match.
func (f *finder) nothing() bool {
	return f.search == nil || f.search.Count() == 0 || f.way != nil && f.way.Count() == 0
}

// containsTerm chooses names that contain the text, without regard to letter
// case and normal form.
func containsTerm(text string) catalog.NameTerm {
	text = foldName(text)
	term := foldedTerm(text)
	term.Match = func(name string) bool { return strings.Contains(foldName(name), text) }
	return term
}

func foldName(s string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

// expired reports whether the time is over, and records it.
func (f *finder) expired() bool {
	f.looks++
	d, looks := f.q.Limits.Deadline, f.q.Limits.looks
	if (looks == 0 || f.looks <= looks) && (d.IsZero() || time.Now().Before(d)) {
		return false
	}
	f.cut = CutTime
	return true
}

// passes reports whether an entry passes the filters.
func (q *Query) passes(e *syncline.Entry) bool {
	if len(q.Types) > 0 && !slices.Contains(q.Types, e.Type) {
		return false
	}
	if q.MinSize > 0 || q.MaxSize != nil {
		if e.Type != syncline.TypeFile || e.Size < q.MinSize || q.MaxSize != nil && e.Size > *q.MaxSize {
			return false
		}
	}
	return (q.Oldest.IsZero() || !e.ModTime.Before(q.Oldest)) && (q.Newest.IsZero() || !e.ModTime.After(q.Newest))
}
