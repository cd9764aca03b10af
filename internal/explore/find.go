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

// Query says what to find: the entries that one of Patterns or Contains
// chooses and that pass all filters. With neither of the two it is every
// entry.
type Query struct {
	// Patterns are restic's, see its find command. A folder that matches
	// brings all that is below it.
	Patterns   []string
	IgnoreCase bool // for Patterns, as restic does it
	// Contains holds parts of names. Letter case makes no difference, nor
	// does the normal form of accented letters. A folder that matches does not
	// bring what is below it.
	Contains  []string
	MatchCase bool // for Contains: the text must be there as it is

	Below          []string             // only what lies below the folder of this path, name by name
	Types          []syncline.EntryType // any of them; empty for all
	MinSize        uint64               // bytes; a filter on sizes chooses files only
	MaxSize        *uint64              // nil for no bound
	Oldest, Newest time.Time            // modification time, both included; zero for no bound

	Detail catalog.Detail // what is filled of the entries
	Limits Limits

	// More says that other searches will follow: the first one makes what speeds them up.
	More bool `json:"-"` // no part of what makes two queries the same

	// After is for FindVersions: it begins behind this place. Positions has it
	// tell the places of the versions.
	After     Position
	Positions bool
}

// Position is a place in the results of FindVersions: behind so many versions
// at a path, of all that are there and chosen but for the filters. The zero
// value is the beginning.
type Position struct {
	Names    []string // of the path
	Versions int
}

// Check fails with CodeInvalid when a pattern cannot be used.
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

// Limits bound a search. Zero values are no bound.
type Limits struct {
	Results  int64
	Folders  int64 // that are looked into, each path anew
	Path     int   // bytes of a path; no folder beyond is looked into. 1 MiB when 0
	Deadline time.Time

	looks int // at the time, until it is over whatever the time is; for tests
}

// Cut says why a search ended before it had seen everything.
type Cut string

// The reasons why a search is cut.
const (
	Complete   Cut = ""
	CutResults Cut = "results" // there may be more results than the limit
	CutFolders Cut = "folders" // as many folders as the limit were looked into
	CutTime    Cut = "time"    // the deadline passed
	CutDepth   Cut = "depth"   // folders with a path over the limit were left out
)

// maxPath bounds the bytes of a path. Folders nested without end take time
// with the square of their depth.
const maxPath = 1 << 20

// Hit is an entry at a path of one snapshot. It is fn's to keep.
type Hit struct {
	Snapshot *catalog.Snapshot
	Path     string
	Entry    *syncline.Entry
}

// Find calls fn with everything that the query chooses, one snapshot after the
// other in the order given and each in order of the names, depth first, a folder
// before what is in it. An error of fn ends the search and is returned.
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

// VersionHit is an entry at a path, once for all snapshots that have exactly it
// there: the same name, metadata and content.
type VersionHit struct {
	Path  string
	Entry *syncline.Entry
	// Snapshots are positions in the list that was searched, ascending. They
	// are not to be changed.
	Snapshots []int32
	// Position is behind this version. It is set when the query asks for it.
	Position Position
}

// FindVersions calls fn with everything that the query chooses in order of the
// paths, each folder before what is in it, and the versions of one path in the
// order in which they first appear. It looks at what several snapshots have in
// common once. An error of fn ends the search and is returned.
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
	way      *catalog.Search // nil, or entries of which one is on the way to every match:
	wayPart  int             // those that this part of the one pattern matches
	patterns []*pattern.Pattern
	contains []func(name string) bool
	byName   bool // an entry matches when its name is found, whatever its path
	cut      Cut
	results  int64
	folders  int64
	steps    int
	looks    int // at the time

	stack   []place           // from the root to where the walk is
	items   []item            // of the places in stack
	groups  []group           // of the place that is read next
	ahead   []catalog.TreeRef // their trees
	trees   sets[catalog.TreeRef]
	entries sets[catalog.EntryRef]
	emit    emitFunc
	waiting []waiting // with refs, place by place
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

// manyFound is how many entries make it pay to look for what lies on the way to
// them, too. It is a variable for tests.
var manyFound = 1000

// nothing reports whether there is nothing to walk for.
func (f *finder) nothing() bool {
	return f.search == nil || f.search.Count() == 0 || f.way != nil && f.way.Count() == 0
}

// containsTerm is for names that have the text without regard to letter case
// and normal form.
func containsTerm(text string) catalog.NameTerm {
	text = foldName(text)
	term := foldedTerm(text)
	term.Match = func(name string) bool { return strings.Contains(foldName(name), text) }
	return term
}

func foldName(s string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

// expired reports whether the time is over, and notes it.
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
