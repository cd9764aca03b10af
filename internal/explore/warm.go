package explore

import (
	"context"
	"log/slog"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// warmFolders bounds the folders of all repositories that Warm reads. Most have a hundred
// bytes in the caches, and the names of many folders lie in one block.
const warmFolders = 50_000

// Warm reads the folders of the newest snapshot of each repository, the upper ones first,
// so that the first pages of a new process find their blocks in memory. Each repository
// gets the same share. A repository that cannot be read is left to those who ask for it.
// pause makes it wait a moment while there are requests, at most once for each 2,000
// folders and each repository. The upper folders of the first one do not wait.
func (x *Explorer) Warm(ctx context.Context, log *slog.Logger, pause func(context.Context)) {
	list, err := x.Points.Repositories.Repositories(ctx)
	if err != nil {
		log.Debug("no folders are read ahead", "error", err)
		return
	}
	list = slices.DeleteFunc(list, func(r syncline.Repository) bool { return r.OutOfSync })
	for i, r := range list {
		if i > 0 {
			pause(ctx)
		}
		err := x.Points.Catalogs.Use(ctx, r.ID, func(c *catalog.Catalog) error {
			return c.View(ctx, func(v *catalog.View) error { return warm(ctx, v, warmFolders/len(list), pause) })
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.Debug("no folders of a repository are read ahead", "repository", r.ID, "error", err)
		}
	}
}

func warm(ctx context.Context, v *catalog.View, folders int, pause func(context.Context)) error {
	list, err := v.Snapshots()
	if err != nil {
		return err
	}
	for _, s := range slices.Backward(list) {
		if !s.Lost {
			_, err := v.Warm(ctx, s.Root, folders, pause)
			return err
		}
	}
	return nil
}
