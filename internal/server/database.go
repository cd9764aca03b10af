package server

import (
	"context"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// database is where the state of an installation and its catalogs lie.
type database interface {
	// openCatalogs opens the catalogs, and tells damaged of each that is found damaged.
	openCatalogs(ctx context.Context, o *Options, damaged func(repository syncline.ID)) (catalogs, error)
	// look fails with CodeUnavailable while state or catalogs cannot be read. The state
	// is known to answer.
	look(ctx context.Context) error
	// answerer names what a look waits for.
	answerer() string
	// alone says that one node at most uses the database.
	alone() bool
	// warnings are what is wrong with the database, and what to do, a sentence each.
	warnings() []string
}

// catalogs is the directory of all catalogs.
type catalogs struct {
	catalog.Directory
	folder  string       // of their files on this machine
	release func() error // closes the directory
}

// openCatalogs opens the catalogs, and removes those of repositories that are not
// attached.
func (s *Server) openCatalogs(ctx context.Context, o *Options) (dir catalogs, err error) {
	dir, err = s.database.openCatalogs(ctx, o, func(id syncline.ID) {
		o.Logger.Error("catalog is damaged; the next session builds it anew", "repository", id)
		if err := s.store.SetOutOfSync(context.WithoutCancel(ctx), id, true); err != nil {
			o.Logger.Error("cannot mark a repository as out of sync", "repository", id, "error", err)
		}
	})
	if err != nil {
		return catalogs{}, err
	}
	attached, err := s.store.Repositories(ctx)
	if err == nil {
		err = dir.Sweep(ctx, idsOf(attached))
	}
	if err != nil {
		return catalogs{}, errors.Join(err, dir.release())
	}
	return dir, nil
}
