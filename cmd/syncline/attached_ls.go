package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
)

func (e served) list(ctx context.Context, l *lister, filter *filterFlags, reference string) error {
	return e.repository(ctx, func(r *attachedRepository) error {
		s, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		point, snapshot, folder, err := s.one(filter, reference)
		if err != nil {
			return err
		}
		if folder != "" {
			snapshot.Tree = syncline.Hash{} // a folder's own, which the server does not tell
		}
		w := attachedWalk{ctx: ctx, client: r.client, lister: l, point: point, base: folder}
		return l.list(snapshot, func() error {
			if len(l.dirs) == 0 {
				return w.all("")
			}
			return w.folder("")
		})
	})
}

// attachedWalk gives a lister what it prints, and asks for little else: whole
// trees in one go, folders of which only the entries count, and of a folder on
// the way to those a single entry.
type attachedWalk struct {
	ctx    context.Context //nolint:containedctx // one walk, begun and ended in one call
	client *client.Client
	lister *lister
	point  syncline.ID
	base   string // the folder that the lister takes for the root
}

// all walks through everything below a folder.
func (w *attachedWalk) all(at string) error {
	return w.entries(client.EntriesQuery{Path: w.base + at, Recursive: true}, func(string, *syncline.Entry) error { return nil })
}

func (w *attachedWalk) entries(q client.EntriesQuery, each func(path string, e *syncline.Entry) error) error {
	for x, err := range w.client.Entries(w.ctx, w.point, q) {
		if err != nil {
			return err
		}
		path, e := strings.TrimPrefix(x.Path, w.base), &x.Entry
		if err := w.entry(path, e); err != nil {
			return err
		}
		if err := each(path, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *attachedWalk) entry(path string, e *syncline.Entry) error {
	if err := w.lister.entry(path, e); !errors.Is(err, catalog.SkipDir) {
		return err
	}
	return nil
}

// folder walks through a folder that is listed, or lies above one that is.
func (w *attachedWalk) folder(at string) error {
	listed, further := false, make(map[string]bool)
	for _, dir := range w.lister.dirs {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(dir, "/"), at)
		switch {
		case ok && rest == "":
			listed = true
		case ok && rest[0] == '/':
			name, _, _ := strings.Cut(rest[1:], "/")
			further[name] = true
		}
	}
	down := func(path string, e *syncline.Entry) error {
		if e.IsDir() && further[e.Name] {
			return w.folder(path)
		}
		return nil
	}
	switch {
	case listed && w.lister.recursive:
		return w.all(at)
	case listed:
		return w.entries(client.EntriesQuery{Path: w.base + at}, down)
	}
	for _, name := range slices.Sorted(maps.Keys(further)) {
		path := at + "/" + name
		x, err := w.client.Entry(w.ctx, w.point, w.base+path)
		if client.StatusOf(err) == 404 {
			continue // as restic has it, nothing is listed then
		}
		if err != nil {
			return err
		}
		e := &x.Entry
		if err := errors.Join(w.entry(path, e), down(path, e)); err != nil {
			return err
		}
	}
	return nil
}
