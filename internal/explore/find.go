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

// Query says what to find: everything that Texts choose and that passes all
// filters.
type Query struct {
	// Texts are parts of names. A name with any of them matches, without regard
	// to the normal form of accented letters. "" is in every name, and no text
	// matches every name. With Pattern, Texts are restic's patterns, and a
	// matching folder chooses everything in it.
	Texts     []string
	Pattern   bool
	MatchCase bool // letter case counts, and in a part of a name the normal form

	Folder         string               // absolute: only below it; everywhere when empty
	Types          []syncline.EntryType // any of them; empty for all
	MinSize        uint64               // bytes; a bound chooses files only
	MaxSize        *uint64              // nil for none
	Oldest, Newest time.Time            // modification time, both included; zero for none

	// Snapshots and RestorePoints choose what a Searcher searches. Find and
	// FindVersions search the list that they are given.
	Snapshots     SnapshotFilter
	RestorePoints []syncline.ID // any of them; all when empty

	Detail catalog.Detail // the parts of an entry that are filled
	Limits Limits         // a Searcher takes Results alone: the results of a page, one at least
	Cursor string         // a Searcher's page begins there

	// more says that other searches follow: the first one makes what speeds them
	// up. With positions each result has its position. The search begins behind
	// after.
	more, positions bool
	after           position
}

// position is a place in the results of FindVersions: behind so many versions
// at a path. Versions count before filters are applied. The zero value is the
// beginning.
type position struct {
	Names    []string // parts of the path
	Versions int
}

// Check fails with CodeInvalid when a pattern or the folder cannot be used.
func (q *Query) Check() error {
	_, err := q.parse()
	if err == nil {
		_, err = cleanPath(q.Folder)
	}
	return err
}

// parse returns the patterns: those of Texts, and "" where no text chooses.
func (q *Query) parse() ([]*pattern.Pattern, error) {
	texts := q.Texts
	switch {
	case len(texts) == 0:
		texts = []string{""}
	case !q.Pattern:
		return nil, nil
	case len(texts) > pattern.MaxPatterns:
		return nil, syncline.Errorf(syncline.CodeInvalid, "there are %d patterns; at most %d can be matched", len(texts), pattern.MaxPatterns)
	}
	patterns := make([]*pattern.Pattern, len(texts))
	for i, text := range texts {
		p, err := pattern.Parse(text, !q.MatchCase)
		if err != nil {
			return nil, err
		}
		patterns[i] = p
	}
	return patterns, nil
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

// Found is an entry at a path, once for all snapshots that have exactly it
// there: the same name, metadata and content.
type Found struct {
	Repository  syncline.ID // set by a Searcher
	Path        string
	Entry       *syncline.Entry
	First, Last *catalog.Snapshot // the oldest and the newest of them
	Snapshots   int               // how many have it

	in []int32  // their positions in the searched list, ascending; read-only
	at position // behind this result, if the query asks for it
}

// Find calls fn with everything that the query chooses, for each snapshot by
// itself: one snapshot after the other in the given order, and each in the order
// of names, depth first, a folder before its content. fn may keep the result. An
// error of fn ends the search and is returned.
func Find(ctx context.Context, v *catalog.View, snapshots []catalog.Snapshot, q *Query, fn func(*Found) error) (Cut, error) {
	f, err := newFinder(ctx, v, q)
	defer f.close()
	if err != nil || f.nothing() {
		return f.cut, err
	}
	for i := range snapshots {
		s := &snapshots[i]
		err := f.walk([]group{{s.Root, []int32{0}}}, func(w *waiting, e *syncline.Entry) error {
			return fn(&Found{Path: w.path, Entry: e, First: s, Last: s, Snapshots: 1})
		})
		if err != nil {
			return f.result(err)
		}
	}
	return f.cut, nil
}

// FindVersions calls fn with everything that the query chooses, in the order of
// paths, each folder before its content, and the versions of a path in the order
// of their first appearance in the list. It looks at everything that several
// snapshots share once. An error of fn ends the search and is returned.
func FindVersions(ctx context.Context, v *catalog.View, snapshots []catalog.Snapshot, q *Query, fn func(*Found) error) (Cut, error) {
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
		first, last := &snapshots[w.in[0]], &snapshots[w.in[len(w.in)-1]]
		if first.Compare(&last.Snapshot) > 0 { // the list begins with the newest
			first, last = last, first
		}
		return fn(&Found{Path: w.path, Entry: e, First: first, Last: last, Snapshots: len(w.in), in: w.in, at: w.at})
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
	within   []string // the names of the query's folder
	byName   bool     // an entry with a found name matches, whatever its path
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
	f := &finder{ctx: ctx, v: v, q: q}
	folder, err := cleanPath(q.Folder)
	if err == nil {
		f.patterns, err = q.parse()
	}
	if err != nil {
		return f, err
	}
	f.within, f.byName = pathParts(folder), len(f.patterns) > 0
	var terms []catalog.NameTerm
	for _, p := range f.patterns {
		f.byName = f.byName && p.SingleName()
		terms = append(terms, termOfPattern(p))
	}
	if len(f.patterns) == 0 {
		for _, text := range q.Texts {
			term := containsTerm(text)
			if q.MatchCase {
				term = catalog.NameTerm{Literal: text, Match: func(name string) bool { return strings.Contains(name, text) }}
			}
			f.contains = append(f.contains, term.Match)
			terms = append(terms, term)
		}
	}
	if f.expired() {
		return f, nil
	}
	if !q.Limits.Deadline.IsZero() {
		limited, cancel := context.WithDeadline(ctx, q.Limits.Deadline)
		defer cancel()
		ctx = limited
	}
	f.search, err = v.Search(ctx, terms, q.more)
	if err == nil && len(f.patterns) == 1 && len(f.contains) == 0 && f.search.Count() > manyFound {
		p := f.patterns[0]
		if f.wayPart = rarestPart(p); f.wayPart >= 0 {
			f.way, err = v.Search(ctx, []catalog.NameTerm{termOfPart(p, &p.Parts()[f.wayPart])}, q.more)
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
