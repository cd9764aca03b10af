package api

import (
	"context"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// comparer compares restore points. Errors are those of entryReader.
type comparer interface {
	Differences(ctx context.Context, point syncline.ID, q explore.DifferencesQuery) (explore.DifferencePage, error)
	DifferenceSummary(ctx context.Context, point, with syncline.ID, path string) (explore.DifferenceSummary, error)
	DifferenceStatistics(ctx context.Context, point, with syncline.ID, path string) (explore.DifferenceStatistics, error)
}

// differences answers how two restore points differ.
type differences struct{ explorer comparer }

// ListDifferences answers GET /v6/RestorePoints/{restorePointId}/Differences.
func (h *differences) ListDifferences(ctx context.Context, req v6.ListDifferencesRequestObject) (v6.ListDifferencesResponseObject, error) {
	p := req.Params
	folder, with, err := comparison(p.Path, p.RawPath, p.With)
	if err != nil {
		return nil, err
	}
	q := explore.DifferencesQuery{With: with, Path: folder, Limit: limitOf(p.Limit), Cursor: deref(p.Cursor)}
	if p.Kind != nil {
		q.Kind = explore.ChangeKind(*p.Kind)
	}
	page, err := h.explorer.Differences(ctx, req.RestorePointID, q)
	if err != nil {
		return nil, err
	}
	answer := v6.ListDifferences200JSONResponse{Results: make([]v6.Difference, len(page.Differences)), NextCursor: present(page.Next), MissingFolders: presentNumber(uint64(page.Missing))}
	for i := range page.Differences {
		d, to := &page.Differences[i], &answer.Results[i]
		to.Path, to.RawPath = textOf(d.Path)
		to.Change, to.Before, to.After = v6.ChangeKind(d.Change), entryOrNil(d.Path, d.Before), entryOrNil(d.Path, d.After)
	}
	return answer, nil
}

// GetDifferenceSummary answers GET
// /v6/RestorePoints/{restorePointId}/DifferenceSummary.
func (h *differences) GetDifferenceSummary(ctx context.Context, req v6.GetDifferenceSummaryRequestObject) (v6.GetDifferenceSummaryResponseObject, error) {
	folder, with, err := comparison(req.Params.Path, req.Params.RawPath, req.Params.With)
	if err != nil {
		return nil, err
	}
	sum, err := h.explorer.DifferenceSummary(ctx, req.RestorePointID, with, folder)
	if err != nil {
		return nil, err
	}
	answer := v6.GetDifferenceSummary200JSONResponse{
		Added: signed(sum.Added), Removed: signed(sum.Removed), ContentChanged: signed(sum.ContentChanged),
		MetadataChanged: signed(sum.MetadataChanged), TypeChanged: signed(sum.TypeChanged),
		BytesAdded: signed(sum.BytesAdded), BytesRemoved: signed(sum.BytesRemoved),
		Folders: make([]v6.FolderDifference, len(sum.Folders)), MissingFolders: presentNumber(uint64(sum.Missing)),
	}
	for i, f := range sum.Folders {
		answer.Folders[i] = v6.FolderDifference{
			Added: signed(f.Added), Removed: signed(f.Removed), ContentChanged: signed(f.ContentChanged),
			MetadataChanged: signed(f.MetadataChanged), TypeChanged: signed(f.TypeChanged),
			BytesAdded: signed(f.BytesAdded), BytesRemoved: signed(f.BytesRemoved),
		}
		answer.Folders[i].Path, answer.Folders[i].RawPath = textOf(f.Path)
		answer.Folders[i].Type = strings.ToValidUTF8(string(f.Type), "\uFFFD")
	}
	return answer, nil
}

// GetDifferenceStatistics answers GET
// /v6/RestorePoints/{restorePointId}/DifferenceStatistics.
func (h *differences) GetDifferenceStatistics(ctx context.Context, req v6.GetDifferenceStatisticsRequestObject) (v6.GetDifferenceStatisticsResponseObject, error) {
	folder, with, err := comparison(req.Params.Path, req.Params.RawPath, req.Params.With)
	if err != nil {
		return nil, err
	}
	n, err := h.explorer.DifferenceStatistics(ctx, req.RestorePointID, with, folder)
	if err != nil {
		return nil, err
	}
	return v6.GetDifferenceStatistics200JSONResponse{
		ChangedFiles: signed(n.ChangedFiles), Added: sideJSON(n.Added), Removed: sideJSON(n.Removed),
		MissingFolders: presentNumber(uint64(n.Missing)),
	}, nil
}

func sideJSON(n explore.SideCounts) v6.DifferenceSide {
	return v6.DifferenceSide{
		Files: signed(n.Files), Folders: signed(n.Folders), Others: signed(n.Others),
		DataBlobs: signed(n.DataBlobs), TreeBlobs: signed(n.TreeBlobs), Bytes: signed(n.Bytes),
	}
}

// comparison returns the folder and the other restore point of a comparison.
func comparison(plain, raw *string, with syncline.ID) (folder string, other syncline.ID, err error) {
	if folder, err = pathOf(plain, raw); err != nil {
		return "", "", err
	}
	other, err = syncline.ParseID(string(with)) // in lower case
	return folder, other, err
}

func entryOrNil(at string, e *syncline.Entry) *v6.Entry {
	if e == nil {
		return nil
	}
	out := entryJSON(at, e)
	return &out
}
