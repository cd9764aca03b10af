package main

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

func (r *serverRepository) list(ctx context.Context, at snapshotFolder, of selection) (listing, error) {
	l := listing{snapshot: at.snapshot}
	if at.folder != "" {
		l.snapshot.Tree = syncline.Hash{} // a folder's own, which the server does not tell
	}
	l.walk = func(each func(listed) error) error {
		w := serverWalk{client: r.client, of: of, each: each, point: r.point(&at.snapshot), base: at.folder}
		if len(of.dirs) == 0 {
			return w.all(ctx, "")
		}
		return w.folder(ctx, "")
	}
	return l, nil
}

// serverWalk walks through a selection with few requests: whole trees in one
// listing, one listing for a folder of which only the entries count, and single
// entries on the way to them.
type serverWalk struct {
	client *client.Client
	of     selection
	each   func(listed) error
	point  syncline.ID
	base   string // the folder that stands for the root
}

// all walks through everything below a folder.
func (w *serverWalk) all(ctx context.Context, at string) error {
	return w.entries(ctx, client.EntriesQuery{Path: w.base + at, Recursive: true}, func(listed) error { return nil })
}

func (w *serverWalk) entries(ctx context.Context, q client.EntriesQuery, then func(listed) error) error {
	for x, err := range w.client.Entries(ctx, w.point, q) {
		if err != nil {
			return err
		}
		if err := w.entry(&x, then); err != nil {
			return err
		}
	}
	return nil
}

func (w *serverWalk) entry(e *client.Entry, then func(listed) error) error {
	x := w.of.entry(strings.TrimPrefix(e.Path, w.base), &e.Entry)
	if x.within || x.towards {
		if err := w.each(x); err != nil {
			return err
		}
	}
	return then(x)
}

// folder walks through a folder that is listed, or lies above one that is.
func (w *serverWalk) folder(ctx context.Context, at string) error {
	itself, further := false, make(map[string]bool)
	for _, dir := range w.of.dirs {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(dir, "/"), at)
		switch {
		case ok && rest == "":
			itself = true
		case ok && rest[0] == '/':
			name, _, _ := strings.Cut(rest[1:], "/")
			further[name] = true
		}
	}
	down := func(x listed) error {
		if x.entry.IsDir() && further[x.entry.Name] {
			return w.folder(ctx, x.path)
		}
		return nil
	}
	switch {
	case itself && w.of.recursive:
		return w.all(ctx, at)
	case itself:
		return w.entries(ctx, client.EntriesQuery{Path: w.base + at}, down)
	}
	for _, name := range slices.Sorted(maps.Keys(further)) {
		e, err := w.client.Entry(ctx, w.point, w.base+at+"/"+name)
		if client.StatusOf(err) == http.StatusNotFound {
			continue // as restic has it, nothing is listed then
		}
		if err == nil {
			err = w.entry(&e, down)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
