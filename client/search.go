package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// SearchQuery says what to look for. The zero value finds everything.
type SearchQuery struct {
	Text []string // parts of names, or patterns; any of them
	// Pattern takes Text as restic's find does: names with * ? [a-z], or
	// several with slashes. A matching folder also chooses everything below it.
	Pattern   bool
	MatchCase bool

	Repositories  []syncline.ID // any of them; empty for all
	RestorePoints []syncline.ID // likewise, at most 1,000
	Folder        string        // only what lies below it; "" for everywhere
	Types         []syncline.EntryType
	// MinSize and MaxSize choose files only, in bytes. A negative or zero
	// MinSize is no bound, MaxSize has none when nil.
	MinSize                       int64
	MaxSize                       *int64
	ModifiedAfter, ModifiedBefore time.Time // both included; zero for no bound

	Hosts []string // any of them
	Tags  []string // any of them; each may be several with commas, all of which are needed
}

func (s *SearchQuery) values() url.Values {
	q := url.Values{"ignoreCase": {strconv.FormatBool(!s.MatchCase)}}
	for _, text := range s.Text {
		q.Add("query", text)
	}
	for _, id := range s.RestorePoints {
		q.Add("restorePointId", string(id))
	}
	if s.Pattern {
		q.Set("mode", "pattern")
	}
	for _, id := range s.Repositories {
		q.Add("repositoryId", string(id))
	}
	setPath(q, s.Folder)
	for _, t := range s.Types {
		q.Add("type", string(t))
	}
	if s.MinSize > 0 {
		q.Set("minSize", strconv.FormatInt(s.MinSize, 10))
	}
	if s.MaxSize != nil {
		q.Set("maxSize", strconv.FormatInt(*s.MaxSize, 10))
	}
	setTime(q, "modifiedAfter", s.ModifiedAfter)
	setTime(q, "modifiedBefore", s.ModifiedBefore)
	for _, host := range s.Hosts {
		q.Add("host", host)
	}
	for _, tag := range s.Tags {
		q.Add("tag", tag)
	}
	return q
}

// FoundVersion is a version of a path with the restore points that have exactly
// it there.
type FoundVersion struct {
	RepositoryID        syncline.ID
	Entry               // and its path
	FirstRestorePointID syncline.ID
	FirstTime           time.Time
	LastRestorePointID  syncline.ID
	LastTime            time.Time
	RestorePoints       int // that have this version
}

type foundJSON struct {
	RepositoryID        syncline.ID `json:"repositoryId"`
	Path                string      `json:"path"`
	RawPath             string      `json:"rawPath"`
	Entry               entryJSON   `json:"entry"`
	FirstRestorePointID syncline.ID `json:"firstRestorePointId"`
	FirstTime           time.Time   `json:"firstTime"`
	LastRestorePointID  syncline.ID `json:"lastRestorePointId"`
	LastTime            time.Time   `json:"lastTime"`
	RestorePoints       int         `json:"restorePoints"`
}

func (x foundJSON) found() FoundVersion {
	v := FoundVersion{
		RepositoryID: x.RepositoryID, Entry: x.Entry.entry(),
		FirstRestorePointID: x.FirstRestorePointID, FirstTime: x.FirstTime,
		LastRestorePointID: x.LastRestorePointID, LastTime: x.LastTime, RestorePoints: x.RestorePoints,
	}
	v.Path = bytesOf(x.Path, x.RawPath)
	return v
}

// SearchGap says why a repository was not searched.
type SearchGap string

// The reasons.
const (
	GapNotSynchronized SearchGap = "NotSynchronized" // it has no catalog yet
	GapSynchronizing   SearchGap = "Synchronizing"   // its first catalog is being made
	GapDamaged         SearchGap = "Damaged"         // its catalog is damaged and will be made anew
	GapTime            SearchGap = "Time"            // nothing was found in the time for a page
)

// NotSearched is a repository of which there are no results.
type NotSearched struct {
	RepositoryID syncline.ID `json:"repositoryId"`
	Reason       SearchGap   `json:"reason"`
}

// SearchCut says what a page leaves out.
type SearchCut string

// The parts that can be left out.
const (
	SearchCutTime    SearchCut = "time"    // the time for one page was over
	SearchCutFolders SearchCut = "folders" // folders with very long paths were not looked into
)

// SearchPage is one page of what was found.
type SearchPage struct {
	Results     []FoundVersion
	NotSearched []NotSearched // repositories that the page should have been about too
	Cut         SearchCut     // "" when nothing is left out
	// IncompleteRestorePoints were looked at for the page and lack folders.
	IncompleteRestorePoints int
}

type searchPageJSON struct {
	Results                 []foundJSON   `json:"results"`
	NotSearched             []NotSearched `json:"notSearched"`
	Cut                     SearchCut     `json:"cut"`
	NextCursor              string        `json:"nextCursor"`
	IncompleteRestorePoints int           `json:"incompleteRestorePoints"`
}

// SearchPages returns what is found page by page, each with what it leaves out.
func (c *Client) SearchPages(ctx context.Context, query SearchQuery) iter.Seq2[*SearchPage, error] {
	return pages(paged[searchPageJSON](ctx, c, at("Search"), query.values()), func(p searchPageJSON) ([]*SearchPage, string) {
		return []*SearchPage{{
			Results: each(p.Results, foundJSON.found), NotSearched: p.NotSearched, Cut: p.Cut, IncompleteRestorePoints: p.IncompleteRestorePoints,
		}}, p.NextCursor
	})
}

// IncompleteError is a search that did not see everything.
type IncompleteError struct {
	NotSearched []NotSearched // repositories, and why
	// Folders says that folders with very long paths were not looked into.
	Folders bool
	// RestorePoints is of how many restore points the repository has lost folders
	// that would have been looked into.
	RestorePoints int
}

// Error says what is missing.
func (e *IncompleteError) Error() string {
	switch n := len(e.NotSearched); {
	case n == 0 && e.RestorePoints > 0:
		return fmt.Sprintf("the repository has lost folders of %d restore points, which were not looked into", e.RestorePoints)
	case n == 0:
		return "folders with very long paths were not looked into"
	case n == 1:
		return fmt.Sprintf("the repository %s was not searched (%s)", e.NotSearched[0].RepositoryID, e.NotSearched[0].Reason)
	default:
		return fmt.Sprintf("%d repositories were not searched, the first of them %s (%s)", n, e.NotSearched[0].RepositoryID, e.NotSearched[0].Reason)
	}
}

// Search returns what is found: each version of a file or folder once, in order
// of the repositories' ids, then of the paths, then of time. When something was
// not looked into, the last pair holds an *IncompleteError.
func (c *Client) Search(ctx context.Context, query SearchQuery) iter.Seq2[FoundVersion, error] {
	return func(yield func(FoundVersion, error) bool) {
		var missing IncompleteError
		for page, err := range c.SearchPages(ctx, query) {
			if err != nil {
				yield(FoundVersion{}, err)
				return
			}
			for i := range page.Results {
				if !yield(page.Results[i], nil) {
					return
				}
			}
			missing.NotSearched = append(missing.NotSearched, page.NotSearched...)
			missing.Folders = missing.Folders || page.Cut == SearchCutFolders
			missing.RestorePoints = max(missing.RestorePoints, page.IncompleteRestorePoints)
		}
		if missing.Folders || missing.RestorePoints > 0 || len(missing.NotSearched) > 0 {
			yield(FoundVersion{}, &missing)
		}
	}
}
