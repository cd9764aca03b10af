package api

import (
	"context"
	"strings"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// The defaults of a request for folder sizes.
const (
	defaultDepth    = 1
	defaultChildren = 50
)

// Statistics tells sizes. Errors are those of entryReader, and CodeDamaged for a
// catalog that is to be rebuilt.
type Statistics interface {
	Repository(ctx context.Context, id syncline.ID) (explore.RepositoryStatistics, error)
	RestorePoint(ctx context.Context, id syncline.ID) (explore.RestorePointStatistics, error)
	// Count counts in one of restic's ways; points is nil for all.
	Count(ctx context.Context, repository syncline.ID, points []syncline.ID, mode explore.CountMode) (explore.Counts, error)
	FolderSizes(ctx context.Context, point syncline.ID, q explore.FolderSizesQuery) (explore.FolderSize, error)
}

// statistics answers for sizes.
type statistics struct {
	repositories Repositories
	sizes        Statistics
}

// GetBackupRepositoryStatistics answers GET
// /v6/BackupRepositories/{repositoryId}/Statistics.
func (h *statistics) GetBackupRepositoryStatistics(ctx context.Context, req v6.GetBackupRepositoryStatisticsRequestObject) (v6.GetBackupRepositoryStatisticsResponseObject, error) {
	if _, err := h.repositories.Repository(ctx, req.RepositoryID); err != nil {
		return nil, err
	}
	s, err := h.sizes.Repository(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	points := s.Points
	if n := req.Params.Points; n != nil {
		points = spread(points, *n)
	}
	answer := v6.GetBackupRepositoryStatistics200JSONResponse{
		RepositoryID: req.RepositoryID, RestorePoints: len(s.Points),
		Totals: v6.RepositoryTotals{
			Files: signed(s.Files), Folders: signed(s.Folders), Links: signed(s.Links), Others: signed(s.Others),
			Size: signed(s.Size), FileVersions: signed(s.FileVersions),
			RawDataSize: signed(s.DataSize), StoredSize: signed(s.StoredSize), UnusedStoredSize: signed(s.UnusedStoredSize),
			DataBlobs: signed(s.DataBlobs), TreeBlobs: signed(s.TreeBlobs), MissingBlobs: signed(s.MissingBlobs),
			MissingFolders: presentNumber(s.Missing),
		},
		Growth: make([]v6.RestorePointGrowth, len(points)),
	}
	for i := range points {
		answer.Growth[i] = growthJSON(&points[i])
	}
	return answer, nil
}

// spread returns at most n of the points, which come oldest first. It takes the first,
// the last, and for each of n-2 times at even distances between them the newest point
// by then. n is at least 2.
func spread(points []explore.PointStatistics, n int) []explore.PointStatistics {
	if len(points) <= n {
		return points
	}
	at := func(i int) time.Time { return points[i].Point.Snapshot.Time }
	first, last := at(0), len(points)-1
	step := at(last).Sub(first) / time.Duration(n-1)
	out := make([]explore.PointStatistics, 0, n)
	for k, next := 0, 0; k < n-1; k++ {
		found := next
		for found < last && !at(found).After(first.Add(time.Duration(k)*step)) {
			found++
		}
		if found > next {
			out = append(out, points[found-1])
			next = found
		}
	}
	return append(out, points[last])
}

func growthJSON(p *explore.PointStatistics) v6.RestorePointGrowth {
	return v6.RestorePointGrowth{
		RestorePointID: p.Point.ID, SnapshotID: p.Point.Snapshot.ID.String(), BackupTime: p.Point.Snapshot.Time.UTC(),
		HostName: strings.ToValidUTF8(p.Point.Snapshot.Hostname, "\uFFFD"),
		Files:    signed(p.Files), Folders: signed(p.Folders), Links: signed(p.Links), Others: signed(p.Others), Size: signed(p.Size),
		AddedFiles: signed(p.AddedFiles), AddedSize: signed(p.AddedSize), AddedStoredSize: signed(p.AddedStoredSize),
		UniqueFiles: signed(p.UniqueFiles), UniqueSize: signed(p.UniqueSize), UniqueStoredSize: signed(p.UniqueStoredSize),
		DistinctSize: signed(p.DistinctSize), StoredSize: signed(p.StoredSize), MissingFolders: presentNumber(p.Missing),
	}
}

// countModes are the modes by their names in the API.
var countModes = map[v6.CountBackupRepositoryParamsMode]explore.CountMode{
	v6.RestoreSize: explore.CountRestoreSize, v6.FilesByContents: explore.CountFilesByContents,
	v6.BlobsPerFile: explore.CountBlobsPerFile, v6.RawData: explore.CountRawData,
}

// CountBackupRepository answers GET
// /v6/BackupRepositories/{repositoryId}/Counts.
func (h *statistics) CountBackupRepository(ctx context.Context, req v6.CountBackupRepositoryRequestObject) (v6.CountBackupRepositoryResponseObject, error) {
	if _, err := h.repositories.Repository(ctx, req.RepositoryID); err != nil {
		return nil, err
	}
	mode := v6.RestoreSize
	if m := req.Params.Mode; m != nil {
		mode = *m
	}
	n, err := h.sizes.Count(ctx, req.RepositoryID, deref(req.Params.RestorePointID), countModes[mode])
	if err != nil {
		return nil, err
	}
	return v6.CountBackupRepository200JSONResponse{
		RestorePoints: n.Snapshots, Files: signed(n.Files), Blobs: signed(n.Blobs), Size: signed(n.Size),
		UncompressedSize: signed(n.UncompressedSize), CompressedSize: signed(n.CompressedSize), CompressedFrom: signed(n.CompressedFrom),
		MissingFolders: presentNumber(n.Missing),
	}, nil
}

// GetRestorePointStatistics answers GET
// /v6/RestorePoints/{restorePointId}/Statistics.
func (h *statistics) GetRestorePointStatistics(ctx context.Context, req v6.GetRestorePointStatisticsRequestObject) (v6.GetRestorePointStatisticsResponseObject, error) {
	s, err := h.sizes.RestorePoint(ctx, req.RestorePointID)
	if err != nil {
		return nil, err
	}
	p := &s.PointStatistics
	answer := v6.GetRestorePointStatistics200JSONResponse{
		RestorePointID: req.RestorePointID,
		Files:          signed(p.Files), Folders: signed(p.Folders), Links: signed(p.Links), Others: signed(p.Others), Size: signed(p.Size),
		AddedFiles: signed(p.AddedFiles), AddedSize: signed(p.AddedSize), AddedStoredSize: signed(p.AddedStoredSize),
		UniqueFiles: signed(p.UniqueFiles), UniqueSize: signed(p.UniqueSize), UniqueStoredSize: signed(p.UniqueStoredSize),
		LargestFiles: make([]v6.LargeFile, len(s.LargestFiles)), LargestFolders: make([]v6.LargeFolder, len(s.LargestFolders)),
		Kinds: make([]v6.FileKind, len(s.Kinds)), MissingFolders: presentNumber(p.Missing),
	}
	for i, f := range s.LargestFiles {
		to := &answer.LargestFiles[i]
		to.Path, to.RawPath = textOf(f.Path)
		to.Size, to.Modified = signed(f.Size), entryTime(f.ModTime)
	}
	for i, f := range s.LargestFolders {
		to := &answer.LargestFolders[i]
		to.Path, to.RawPath = textOf(f.Path)
		to.Files, to.Size = signed(f.Files), signed(f.Size)
	}
	for i, k := range s.Kinds {
		answer.Kinds[i] = v6.FileKind{Kind: k.Kind, Files: signed(k.Files), Size: signed(k.Size)}
		if k.Other {
			answer.Kinds[i].Other = &k.Other
		}
	}
	return answer, nil
}

// GetFolderSizes answers GET /v6/RestorePoints/{restorePointId}/FolderSizes.
func (h *statistics) GetFolderSizes(ctx context.Context, req v6.GetFolderSizesRequestObject) (v6.GetFolderSizesResponseObject, error) {
	p := req.Params
	folder, err := pathOf(p.Path, p.RawPath)
	if err != nil {
		return nil, err
	}
	q := explore.FolderSizesQuery{Path: folder, Depth: defaultDepth, Limit: defaultChildren}
	if p.Depth != nil {
		q.Depth = *p.Depth
	}
	if p.Limit != nil {
		q.Limit = *p.Limit
	}
	f, err := h.sizes.FolderSizes(ctx, req.RestorePointID, q)
	if err != nil {
		return nil, err
	}
	return v6.GetFolderSizes200JSONResponse(folderSizeJSON(&f)), nil
}

func folderSizeJSON(f *explore.FolderSize) v6.FolderSize {
	out := v6.FolderSize{
		Type:  strings.ToValidUTF8(string(f.Type), "\uFFFD"),
		Files: signed(f.Files), Folders: signed(f.Folders), Links: signed(f.Links), Others: signed(f.Others), Size: signed(f.Size),
		MissingFolders: presentNumber(f.Missing),
	}
	out.Path, out.RawPath = textOf(f.Path)
	out.Name, out.RawName = textOf(f.Name)
	if !f.Listed {
		return out
	}
	children := make([]v6.FolderSize, len(f.Children))
	for i := range f.Children {
		children[i] = folderSizeJSON(&f.Children[i])
	}
	out.Children = &children
	if r := &f.Rest; r.Count > 0 {
		out.Rest = &v6.FolderRest{
			Count: r.Count, Files: signed(r.Files), Folders: signed(r.Folders), Links: signed(r.Links), Others: signed(r.Others), Size: signed(r.Size),
		}
	}
	return out
}
