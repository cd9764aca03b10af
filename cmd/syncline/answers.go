package main

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/explore"
)

// answers tells the commands what they print. localAnswers answers from a
// repository that is opened here, with a catalog in the cache, and
// serverRepository from a repository of a running server. Both return the same
// data.
type answers interface {
	snapshotter
	treeLister
	finder
	pathHistory
	comparer
	fileReader
	statsSource
	restorer
}

// snapshotter returns all snapshots.
type snapshotter interface {
	snapshots(ctx context.Context) (explore.SnapshotList, error)
}

// snapshotFolder is a folder in a snapshot.
type snapshotFolder struct {
	snapshot catalog.Snapshot
	folder   string // absolute; "" for the root
}

// folder finds the snapshot, or the folder in one, that a reference names.
func (f *filterFlags) folder(ctx context.Context, a snapshotter, reference string) (snapshotFolder, error) {
	list, err := a.snapshots(ctx)
	if err != nil {
		return snapshotFolder{}, err
	}
	s, folder, err := f.one(list, reference)
	return snapshotFolder{s, folder}, err
}

// ask has fn ask the repository that the flags name.
func (e *environment) ask(ctx context.Context, fn func(answers) error) error {
	if e.server != "" {
		return e.askServer(ctx, func(r *serverRepository) error { return fn(r) })
	}
	return e.withCatalog(ctx, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error { return fn(&localAnswers{v: v}) })
	})
}

// askContent is ask for the contents of files, too.
func (e *environment) askContent(ctx context.Context, fn func(answers) error) error {
	if e.server != "" {
		return e.ask(ctx, fn)
	}
	return e.withContents(ctx, func(v *catalog.View, source *content.Source) error { return fn(&localAnswers{v, source}) })
}

// namedAnswers is a repository with its name on the server; "" here.
type namedAnswers struct {
	answers
	name string
}

// askAll has fn ask the repository that the flags name, or without -r all
// repositories of the server.
func (e *environment) askAll(ctx context.Context, fn func([]namedAnswers) error) error {
	if e.server == "" || e.repo != "" {
		return e.ask(ctx, func(a answers) error { return fn([]namedAnswers{{a, e.repo}}) })
	}
	return e.askServers(ctx, func(all []serverRepository) error {
		list := make([]namedAnswers, len(all))
		for i := range all {
			list[i] = namedAnswers{&all[i], all[i].Name}
		}
		return fn(list)
	})
}

// notOnServer refuses --server for a command that no server answers.
func (e *environment) notOnServer(command string) error {
	if e.server == "" {
		return nil
	}
	return usageError(command + " looks into the repository itself; leave out --server and SYNCLINE_SERVER, and name the repository with -r")
}

// noSuchFolder is the error of a path that is no folder.
func noSuchFolder(at snapshotFolder) error {
	return syncline.Errorf(syncline.CodeNotFound, "%q is not a folder of snapshot %s", at.folder, at.snapshot.ID.Short())
}
