package main

import (
	"context"

	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// countModes are the modes as the API calls them.
var countModes = map[explore.CountMode]client.CountMode{
	explore.CountRestoreSize: client.CountRestoreSize, explore.CountFilesByContents: client.CountFilesByContents,
	explore.CountBlobsPerFile: client.CountBlobsPerFile, explore.CountRawData: client.CountRawData,
}

// maxCounted is how many restore points one request may name.
const maxCounted = 1000

func (r *serverRepository) count(ctx context.Context, list []catalog.Snapshot, mode explore.CountMode) (explore.Counts, error) {
	if len(list) == 0 {
		return explore.Counts{}, nil // no restore points would be all of them
	}
	if len(list) > maxCounted {
		return explore.Counts{}, usageError("with --server, stats counts at most 1000 snapshots, or all in the repository; choose fewer")
	}
	n, err := r.client.RepositoryCounts(ctx, r.ID, countModes[mode], r.pointsOf(list)...)
	return explore.Counts{
		Snapshots: n.RestorePoints, Files: n.Files, Blobs: n.Blobs, Size: n.Size,
		UncompressedSize: n.UncompressedSize, CompressedSize: n.CompressedSize, CompressedFrom: n.CompressedFrom,
	}, err
}

func (r *serverRepository) growth(ctx context.Context) (*explore.RepositoryStatistics, error) {
	all, err := r.known(ctx)
	if err != nil {
		return nil, err
	}
	got, err := r.client.RepositoryStatistics(ctx, r.ID, 0)
	if err != nil {
		return nil, err
	}
	out := &explore.RepositoryStatistics{MissingBlobs: got.Totals.MissingBlobs, Points: make([]explore.PointStatistics, len(got.Growth))}
	for i := range got.Growth {
		g, p := &got.Growth[i], &out.Points[i]
		snapshot, err := all.at(g.RestorePointID)
		if err != nil {
			return nil, err
		}
		p.Point.Snapshot, p.EntryCounts, p.Size = snapshot.Snapshot, explore.EntryCounts(g.EntryCounts), g.Size
		p.AddedFiles, p.AddedSize, p.AddedStoredSize = g.AddedFiles, g.AddedSize, g.AddedStoredSize
		p.UniqueFiles, p.UniqueSize, p.UniqueStoredSize = g.UniqueFiles, g.UniqueSize, g.UniqueStoredSize
	}
	return out, nil
}

func (r *serverRepository) holdings(ctx context.Context, s catalog.Snapshot) (*explore.RestorePointStatistics, error) {
	got, err := r.client.RestorePointStatistics(ctx, r.point(&s))
	if err != nil {
		return nil, err
	}
	out := &explore.RestorePointStatistics{}
	for _, f := range got.LargestFiles {
		out.LargestFiles = append(out.LargestFiles, explore.SizedPath(f))
	}
	for _, f := range got.LargestFolders {
		out.LargestFolders = append(out.LargestFolders, explore.SizedPath(f))
	}
	for _, k := range got.Kinds {
		out.Kinds = append(out.Kinds, explore.KindSize(k))
	}
	return out, nil
}
