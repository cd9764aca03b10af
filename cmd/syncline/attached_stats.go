package main

import (
	"context"
	"errors"

	"syncline.dev/syncline"
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

func (e served) statistics(ctx context.Context, s *statistician, filter *filterFlags, references []string) error {
	return e.repository(ctx, func(r *attachedRepository) error {
		all, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		chosen, err := s.choose(all.SnapshotList, filter, references)
		switch {
		case err != nil:
			return err
		case s.snapshots:
			stats, err := r.growth(ctx, all)
			if err != nil {
				return err
			}
			return errors.Join(s.printSnapshots(stats, chosen), incomplete(chosen))
		case s.content != "":
			stats, err := r.client.RestorePointStatistics(ctx, all.point(chosen[0].ID))
			if err != nil {
				return err
			}
			return errors.Join(s.printContent(contentFrom(&stats)), incomplete(chosen))
		}
		n, err := r.count(ctx, all, chosen, s.mode)
		if err != nil {
			return err
		}
		return errors.Join(s.printCounts(n), incomplete(chosen))
	})
}

func (r *attachedRepository) count(ctx context.Context, all *attachedSnapshots, chosen []catalog.Snapshot, mode explore.CountMode) (explore.Counts, error) {
	if len(chosen) == 0 {
		return explore.Counts{}, nil // no restore points would be all of them
	}
	points := make([]syncline.ID, len(chosen))
	for i := range chosen {
		points[i] = all.point(chosen[i].ID)
	}
	if len(chosen) > maxCounted {
		return explore.Counts{}, usageError("with --server, stats counts at most 1000 snapshots, or all in the repository; choose fewer")
	}
	n, err := r.client.RepositoryCounts(ctx, r.ID, countModes[mode], points...)
	return explore.Counts{
		Snapshots: n.RestorePoints, Files: n.Files, Blobs: n.Blobs, Size: n.Size,
		UncompressedSize: n.UncompressedSize, CompressedSize: n.CompressedSize, CompressedFrom: n.CompressedFrom,
	}, err
}

// growth is what the repository's statistics say of each snapshot.
func (r *attachedRepository) growth(ctx context.Context, all *attachedSnapshots) (*explore.RepositoryStatistics, error) {
	got, err := r.client.RepositoryStatistics(ctx, r.ID, 0)
	if err != nil {
		return nil, err
	}
	out := &explore.RepositoryStatistics{MissingBlobs: got.Totals.MissingBlobs, Points: make([]explore.PointStatistics, len(got.Growth))}
	for i := range got.Growth {
		g := &got.Growth[i]
		snapshot, _, err := all.at(g.RestorePointID)
		if err != nil {
			return nil, err
		}
		p := &out.Points[i]
		p.Point.Snapshot = snapshot.Snapshot
		p.EntryCounts, p.Size = explore.EntryCounts(g.EntryCounts), g.Size
		p.AddedFiles, p.AddedSize, p.AddedStoredSize = g.AddedFiles, g.AddedSize, g.AddedStoredSize
		p.UniqueFiles, p.UniqueSize, p.UniqueStoredSize = g.UniqueFiles, g.UniqueSize, g.UniqueStoredSize
	}
	return out, nil
}

func contentFrom(got *client.RestorePointStatistics) *explore.RestorePointStatistics {
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
	return out
}
