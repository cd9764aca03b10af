package api

import (
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// Searcher finds entries by name in the catalogs of several repositories.
// Errors are CodeInvalid for a pattern, folder or cursor that cannot be.
type Searcher interface {
	Search(ctx context.Context, repositories []syncline.Repository, q explore.Query) (explore.SearchPage, error)
}

// search answers for searches by name.
type search struct {
	repositories Repositories
	searcher     Searcher
	sessions     interface {
		LatestSessions(ctx context.Context) ([]syncline.Session, error)
	}
}

// Search answers GET /v6/Search.
func (h *search) Search(ctx context.Context, req v6.SearchRequestObject) (v6.SearchResponseObject, error) {
	q, err := searchQuery(&req.Params)
	if err != nil {
		return nil, err
	}
	repositories, err := h.searched(ctx, deref(req.Params.RepositoryID))
	if err != nil {
		return nil, err
	}
	page, err := h.searcher.Search(ctx, repositories, q)
	if err != nil {
		return nil, err
	}
	answer := v6.Search200JSONResponse{Results: make([]v6.FoundVersion, len(page.Results)), NextCursor: present(page.Next), IncompleteRestorePoints: present(page.Incomplete)}
	for i := range page.Results {
		answer.Results[i] = foundVersionJSON(&page.Results[i])
	}
	answer.Cut = present(searchCuts[page.Cut])
	answer.NotSearched, err = h.notSearched(ctx, page.NotSearched)
	return answer, err
}

// searchCuts are the reasons why a page is not complete, in the API's words.
var searchCuts = map[explore.Cut]v6.SearchCut{explore.CutTime: v6.SearchCutTime, explore.CutDepth: v6.SearchCutFolders}

func searchQuery(p *v6.SearchParams) (q explore.Query, err error) {
	q = explore.Query{
		Texts:     deref(p.Query),
		Pattern:   p.Mode != nil && *p.Mode == "pattern",
		MatchCase: p.IgnoreCase != nil && !*p.IgnoreCase,
		Oldest:    deref(p.ModifiedAfter), Newest: deref(p.ModifiedBefore),
		Snapshots: explore.SnapshotFilter{Hosts: deref(p.Host)},
		Limits:    explore.Limits{Results: int64(limitOf(p.Limit))}, Cursor: deref(p.Cursor),
	}
	if q.Folder, err = pathOf(p.Path, p.RawPath); err != nil {
		return q, err
	}
	for _, t := range deref(p.Type) {
		q.Types = append(q.Types, syncline.EntryType(t))
	}
	q.RestorePoints = deref(p.RestorePointID)
	for _, list := range deref(p.Tag) {
		q.Snapshots.Tags = append(q.Snapshots.Tags, strings.Split(list, ","))
	}
	q.MinSize = uint64(deref(p.MinSize)) //nolint:gosec // the document has 0 as its least value
	if p.MaxSize != nil {
		most := uint64(*p.MaxSize) //nolint:gosec // likewise
		q.MaxSize = &most
		if q.MinSize > most {
			return q, invalid("minSize is more than maxSize, so nothing can be found; exchange them")
		}
	}
	if p.ModifiedBefore != nil && q.Oldest.After(q.Newest) {
		return q, invalid("modifiedAfter is later than modifiedBefore, so nothing can be found; exchange them")
	}
	return q, nil
}

// searched returns the repositories with these ids, or all without any.
func (h *search) searched(ctx context.Context, ids []syncline.ID) ([]syncline.Repository, error) {
	if len(ids) == 0 {
		return h.repositories.Repositories(ctx)
	}
	var out []syncline.Repository
	for _, id := range ids {
		id, err := syncline.ParseID(string(id)) // in lower case
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(r syncline.Repository) bool { return r.ID == id }) {
			continue
		}
		r, err := h.repositories.Repository(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// notSearched tells repositories that are being synchronized from those that are not.
func (h *search) notSearched(ctx context.Context, list []explore.NotSearched) (*[]v6.NotSearched, error) {
	if len(list) == 0 {
		return nil, nil
	}
	sessions, err := h.sessions.LatestSessions(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]v6.NotSearched, len(list))
	for i, x := range list {
		out[i] = v6.NotSearched{RepositoryID: x.RepositoryID, Reason: v6.SearchGap(x.Reason)}
		if x.Reason == explore.GapNotSynchronized && slices.ContainsFunc(sessions, func(s syncline.Session) bool {
			return s.RepositoryID == x.RepositoryID && !s.State.Ended()
		}) {
			out[i].Reason = v6.GapSynchronizing
		}
	}
	return &out, nil
}

func foundVersionJSON(x *explore.Found) v6.FoundVersion {
	out := v6.FoundVersion{
		RepositoryID: x.Repository, Entry: entryJSON(x.Path, x.Entry),
		FirstRestorePointID: explore.RestorePointID(x.Repository, x.First.ID), FirstTime: x.First.Time.UTC(),
		LastRestorePointID: explore.RestorePointID(x.Repository, x.Last.ID), LastTime: x.Last.Time.UTC(), RestorePoints: x.Snapshots,
	}
	out.Path, out.RawPath = textOf(x.Path)
	return out
}
