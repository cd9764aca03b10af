package api

import (
	"context"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// Histories follows paths through the restore points of a repository. Errors
// are those of entryReader, and CodeConflict for a cursor that is out of date.
type Histories interface {
	History(ctx context.Context, repository syncline.ID, q explore.HistoryQuery) (explore.VersionPage, error)
}

// histories answers for the versions of a path.
type histories struct {
	repositories Repositories
	explorer     Histories
}

// ListHistory answers GET /v6/BackupRepositories/{repositoryId}/History.
func (h *histories) ListHistory(ctx context.Context, req v6.ListHistoryRequestObject) (v6.ListHistoryResponseObject, error) {
	p := req.Params
	at, err := pathOf(p.Path, p.RawPath)
	if err != nil {
		return nil, err
	}
	if _, err := h.repositories.Repository(ctx, req.RepositoryID); err != nil {
		return nil, err
	}
	page, err := h.explorer.History(ctx, req.RepositoryID, explore.HistoryQuery{
		Path: at, Host: deref(p.Host), Limit: limitOf(p.Limit), Cursor: deref(p.Cursor),
	})
	if err != nil {
		return nil, err
	}
	answer := v6.ListHistory200JSONResponse{Results: make([]v6.Version, len(page.Versions)), NextCursor: present(page.Next), UnknownRestorePoints: present(page.Unknown)}
	for i := range page.Versions {
		w := &page.Versions[i]
		answer.Results[i] = v6.Version{
			HostName: strings.ToValidUTF8(w.Hostname, "\uFFFD"), Event: v6.VersionEvent(w.Event), Entry: entryOrNil(at, w.Entry),
			FirstRestorePointID: w.First, FirstTime: w.FirstTime.UTC(),
			LastRestorePointID: w.Last, LastTime: w.LastTime.UTC(), RestorePoints: w.RestorePoints,
		}
	}
	return answer, nil
}
