package main

import (
	"context"
	"io"
	"math"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/restore"
)

// localAnswers answers from one state of a catalog in the cache. The source of
// contents is nil when no command asks for them.
type localAnswers struct {
	v      *catalog.View
	source *content.Source
}

func (a *localAnswers) snapshots(context.Context) (explore.SnapshotList, error) {
	return explore.ListSnapshots(a.v)
}

// root finds the tree of a folder.
func (a *localAnswers) root(at snapshotFolder) (explore.Root, error) {
	s := &at.snapshot
	if at.folder == "" {
		return explore.Root{Tree: s.Root, Hash: s.Tree}, nil
	}
	e, sub, ok, err := a.v.FindWith(s.Root, at.folder, catalog.WithSubtree)
	if err == nil && e != nil && e.Lost {
		_, ok, err = a.v.FindTree(s.Root, at.folder) // the error says that it is lost
	}
	switch {
	case err != nil:
		return explore.Root{}, err
	case !ok:
		return explore.Root{}, noSuchFolder(at)
	case e == nil: // the path leads back to the root
		return explore.Root{Tree: s.Root, Hash: s.Tree}, nil
	}
	return explore.Root{Tree: sub, Hash: e.Subtree}, nil
}

func (a *localAnswers) list(ctx context.Context, at snapshotFolder, of selection) (listing, error) {
	root, err := a.root(at)
	if err != nil {
		return listing{}, err
	}
	l := listing{snapshot: at.snapshot}
	l.snapshot.Tree = root.Hash // as restic has it, also of a folder
	l.walk = func(each func(listed) error) error {
		return a.v.Walk(root.Tree, "", 0, math.MaxInt64, func(path string, e *syncline.Entry) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			x := of.entry(path, e)
			if x.within || x.towards {
				if err := each(x); err != nil {
					return err
				}
			}
			if !x.below {
				return catalog.SkipDir
			}
			return nil
		})
	}
	if len(of.dirs) == 0 {
		l.parts = func(ctx context.Context, fields bool, each func(*catalog.Part) error) error {
			return a.v.List(ctx, root.Tree, fields, each)
		}
	}
	return l, nil
}

func (a *localAnswers) find(ctx context.Context, list []catalog.Snapshot, q *explore.Query, bySnapshot bool, fn func(*explore.Found) error) (explore.Cut, error) {
	if bySnapshot {
		return explore.Find(ctx, a.v, list, q, fn)
	}
	return explore.FindVersions(ctx, a.v, list, q, fn)
}

func (a *localAnswers) history(ctx context.Context, path string, filter explore.SnapshotFilter) ([]explore.Version, int, error) {
	return explore.Versions(ctx, a.v, path, filter.Matches)
}

func (a *localAnswers) diff(ctx context.Context, before, after snapshotFolder, metadata bool, fn func(changed) error) (totals explore.DifferenceStatistics, err error) {
	from, err := a.root(before)
	if err != nil {
		return totals, err
	}
	to, err := a.root(after)
	if err != nil {
		return totals, err
	}
	return explore.Diff(ctx, a.v, from, to, metadata, func(p *explore.Pair) error {
		folder := p.After != nil && p.After.IsDir() || p.After == nil && p.Before.IsDir()
		return fn(changed{p.Path(), explore.Modifier(p, metadata), folder})
	})
}

func (a *localAnswers) content(ctx context.Context, at snapshotFolder, path string, out io.Writer) error {
	root, err := a.root(at)
	if err != nil {
		return err
	}
	e, _, _, err := a.v.FindWith(root.Tree, path, catalog.WithContent)
	if err != nil {
		return err
	}
	if err := content.CheckFile(e, path); err != nil {
		return err
	}
	f, err := a.source.Open(e)
	if err != nil {
		return err
	}
	return f.WriteRange(ctx, out, 0, f.Size())
}

func (a *localAnswers) restore(ctx context.Context, at snapshotFolder, target string) (func(restore.Options) (restore.Result, error), error) {
	root, err := a.root(at)
	if err != nil {
		return nil, err
	}
	return func(o restore.Options) (restore.Result, error) {
		return restore.Run(ctx, restore.At(a.v, root.Tree), a.source, target, o)
	}, nil
}

func (a *localAnswers) growth(ctx context.Context) (*explore.RepositoryStatistics, error) {
	list, err := a.snapshots(ctx)
	if err != nil {
		return nil, err
	}
	return explore.RepositoryContent(ctx, a.v, list.Shown)
}

func (a *localAnswers) holdings(ctx context.Context, s catalog.Snapshot) (*explore.RestorePointStatistics, error) {
	return explore.SnapshotContent(ctx, a.v, s)
}

func (a *localAnswers) count(ctx context.Context, list []catalog.Snapshot, mode explore.CountMode) (explore.Counts, error) {
	return explore.Count(ctx, a.v, list, mode)
}
