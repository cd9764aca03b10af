package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// maxSearchPoints is how many restore points one search can name.
const maxSearchPoints = 1000

func (r *serverRepository) find(ctx context.Context, list []catalog.Snapshot, q *explore.Query, bySnapshot bool, fn func(*explore.Found) error) (cut explore.Cut, err error) {
	if len(list) == 0 {
		return explore.Complete, nil // no restore points would be all of them
	}
	late, err := within(ctx, q.Limits.Deadline, func(ctx context.Context) (err error) {
		if bySnapshot {
			cut, err = r.findEach(ctx, list, q, fn)
		} else {
			cut, err = r.findVersions(ctx, list, q, fn)
		}
		return err
	})
	if late {
		return explore.CutTime, nil
	}
	return cut, err
}

// findEach searches snapshot by snapshot.
func (r *serverRepository) findEach(ctx context.Context, list []catalog.Snapshot, q *explore.Query, fn func(*explore.Found) error) (cut explore.Cut, err error) {
	search := r.searchOf(q)
	for i := range list {
		search.RestorePoints = []syncline.ID{r.point(&list[i])}
		c, err := r.search(ctx, search, func(v *client.FoundVersion) error {
			return fn(&explore.Found{Path: v.Path, Entry: &v.Entry.Entry, First: &list[i], Last: &list[i], Snapshots: 1})
		})
		if c != explore.Complete {
			cut = c
		}
		if err != nil {
			return cut, err
		}
	}
	return cut, nil
}

// findVersions searches all snapshots at once. The server has the versions of a
// path oldest first.
func (r *serverRepository) findVersions(ctx context.Context, list []catalog.Snapshot, q *explore.Query, fn func(*explore.Found) error) (explore.Cut, error) {
	search := r.searchOf(q)
	switch {
	case len(list) == len(r.cached.Shown): // all there are
	case !q.Snapshots.Empty() && len(q.Snapshots.Paths) == 0: // a short request, however many snapshots it is
		search.Hosts = q.Snapshots.Hosts
		for _, tags := range q.Snapshots.Tags {
			search.Tags = append(search.Tags, strings.Join(tags, ","))
		}
	case len(list) <= maxSearchPoints:
		search.RestorePoints = r.pointsOf(list)
	default:
		return explore.Complete, usageError(fmt.Sprintf("the filter chooses %d snapshots of %s, and one search takes %d; narrow it down", len(list), printable(r.Name), maxSearchPoints))
	}
	newestFirst := len(list) > 1 && list[0].Compare(&list[1].Snapshot) > 0
	var path []explore.Found // the versions of one
	end := func() error {
		if newestFirst {
			slices.SortStableFunc(path, func(a, b explore.Found) int { return b.Last.Compare(&a.Last.Snapshot) })
		}
		for i := range path {
			if err := fn(&path[i]); err != nil {
				return err
			}
		}
		path = path[:0]
		return nil
	}
	cut, err := r.search(ctx, search, func(v *client.FoundVersion) error {
		if len(path) > 0 && path[0].Path != v.Path {
			if err := end(); err != nil {
				return err
			}
		}
		first, err := r.cached.at(v.FirstRestorePointID)
		if err != nil {
			return err
		}
		last, err := r.cached.at(v.LastRestorePointID)
		if err != nil {
			return err
		}
		path = append(path, explore.Found{Path: v.Path, Entry: &v.Entry.Entry, First: first, Last: last, Snapshots: v.RestorePoints})
		return nil
	})
	if err == nil {
		err = end()
	}
	return cut, err
}

// searchOf is a query for this repository in the client's terms.
func (r *serverRepository) searchOf(q *explore.Query) client.SearchQuery {
	s := client.SearchQuery{
		Repositories: []syncline.ID{r.ID}, Text: q.Texts, Pattern: q.Pattern, MatchCase: q.MatchCase, Folder: q.Folder, Types: q.Types,
		MinSize: int64(min(q.MinSize, 1<<62)), ModifiedAfter: q.Oldest, ModifiedBefore: q.Newest,
	}
	if q.MaxSize != nil {
		most := int64(min(*q.MaxSize, 1<<62))
		s.MaxSize = &most
	}
	return s
}

// search gives fn the results.
func (r *serverRepository) search(ctx context.Context, q client.SearchQuery, fn func(*client.FoundVersion) error) (cut explore.Cut, err error) {
	for v, err := range r.client.Search(ctx, q) {
		var missing *client.IncompleteError
		switch {
		case errors.As(err, &missing) && len(missing.NotSearched) == 0:
			if missing.Folders {
				cut = explore.CutDepth
			}
			continue // the list of snapshots tells which lack folders
		case errors.As(err, &missing):
			return cut, syncline.Errorf(syncline.CodeUnavailable, "the server could not search %s (%s); syncline sync may mend it", printable(r.Name), missing.NotSearched[0].Reason)
		case err != nil:
			return cut, err
		}
		if err := fn(&v); err != nil {
			return cut, err
		}
	}
	return cut, nil
}
