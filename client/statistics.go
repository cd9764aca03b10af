package client

import (
	"context"
	"net/url"
	"strconv"

	"syncline.dev/syncline"
)

// RepositoryStatistics tells how much a repository holds, and how it grew from
// restore point to restore point, oldest first. With points, of which there are
// 2 at least, the growth has at most so many restore points, spread evenly in
// time; with 0 it has all of them.
func (c *Client) RepositoryStatistics(ctx context.Context, repository syncline.ID, points int) (BackupRepositoryStatistics, error) {
	q := url.Values{}
	if points > 0 {
		q.Set("points", strconv.Itoa(points))
	}
	return get[BackupRepositoryStatistics](ctx, c, under("BackupRepositories", repository, "Statistics"), q)
}

// RestorePointStatistics tells how much a restore point holds, and what takes
// most of it.
func (c *Client) RestorePointStatistics(ctx context.Context, point syncline.ID) (RestorePointStatistics, error) {
	return get[RestorePointStatistics](ctx, c, under(points, point, "Statistics"), nil)
}

// FolderSizesQuery says which sizes are wanted. Zero fields leave it to the
// server.
type FolderSizesQuery struct {
	Path  string // of the folder; "" for the root
	Depth int    // levels below it
	Limit int    // entries that are listed of each folder
}

// FolderSizes tells how the size of a folder comes about.
func (c *Client) FolderSizes(ctx context.Context, point syncline.ID, query FolderSizesQuery) (FolderSize, error) {
	q := url.Values{}
	setPath(q, query.Path)
	if query.Depth > 0 {
		q.Set("depth", strconv.Itoa(query.Depth))
	}
	if query.Limit > 0 {
		q.Set("limit", strconv.Itoa(query.Limit))
	}
	return get[FolderSize](ctx, c, under(points, point, "FolderSizes"), q)
}

// CountMode is what RepositoryCounts counts, as restic's stats does.
type CountMode string

// The modes.
const (
	CountRestoreSize     CountMode = "RestoreSize"     // what restoring each restore point writes
	CountFilesByContents CountMode = "FilesByContents" // files, each content once
	CountBlobsPerFile    CountMode = "BlobsPerFile"    // their blobs, each once for each path
	CountRawData         CountMode = "RawData"         // blobs, each once, as they are stored
)

// RepositoryCounts counts what some restore points of a repository hold, at most
// 1,000, or with none named all of them.
func (c *Client) RepositoryCounts(ctx context.Context, repository syncline.ID, mode CountMode, points ...syncline.ID) (RepositoryCounts, error) {
	q := url.Values{}
	set(q, "mode", string(mode))
	for _, id := range points {
		q.Add("restorePointId", string(id))
	}
	return get[RepositoryCounts](ctx, c, under("BackupRepositories", repository, "Counts"), q)
}
