package server

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/store"
)

// database is where the state of an installation and its catalogs lie.
type database interface {
	store.Store
	// openCatalogs opens the catalogs, removes those of repositories that are not
	// attached, and tells damaged of each that is found damaged.
	openCatalogs(ctx context.Context, o *Options, damaged func(repository syncline.ID)) (catalogs, error)
	// look fails with CodeUnavailable while state or catalogs cannot be read. The state
	// is known to answer.
	look(ctx context.Context) error
	// outdated fails with CodeConflict when a newer program has changed the database in a
	// way that this one cannot work with. The caller ends.
	outdated(ctx context.Context) error
	// answerer names what a look waits for.
	answerer() string
	// alone says that one node at most uses the database.
	alone() bool
	// attempts returns where the wrong guesses of all nodes are counted, nil for the memory
	// of a node that is alone. digest has the key of the installation.
	attempts(digest func(text string) [32]byte) store.Attempts
	// use returns what tells the use of connections, nil for a database without any.
	use() func() metrics.DatabaseUse
	// warnings are what is wrong with the database, and what to do, a sentence each.
	warnings() []string
}

// catalogs is the directory of all catalogs.
type catalogs struct {
	catalog.Directory
	folder  string       // of their files on this machine, "" for none
	release func() error // closes the directory
}

// openCatalogs opens the catalogs.
func (s *Server) openCatalogs(ctx context.Context, o *Options) (catalogs, error) {
	return s.database.openCatalogs(ctx, o, func(id syncline.ID) {
		o.Logger.Error("catalog is damaged; the next session builds it anew", "repository", id)
		if err := s.store.SetOutOfSync(context.WithoutCancel(ctx), id, true); err != nil {
			o.Logger.Error("cannot mark a repository as out of sync", "repository", id, "error", err)
		}
	})
}
