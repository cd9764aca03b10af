package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// maxSearchPoints is how many restore points one search can name.
const maxSearchPoints = 1000

// find looks into the repository that -r names, or into all of them.
func (e served) find(ctx context.Context, flags *findFlags, filter *filterFlags, q *explore.Query) error {
	return e.repositories(ctx, func(all []attachedRepository) error {
		if e.repo != "" {
			r, err := e.named(all)
			if err != nil {
				return err
			}
			all = []attachedRepository{*r}
		}
		f := attachedFind{env: e.environment, flags: flags, filter: filter, out: newFindPrinter(e.environment, flags), query: searchOf(flags, q)}
		if flags.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, flags.timeout)
			defer cancel()
		}
		var err error
		for i := range all {
			if err = f.repository(ctx, &all[i], len(all) > 1); err != nil {
				break
			}
		}
		switch {
		case errors.Is(err, errLimit):
			f.cut, err = explore.CutResults, nil
		case errors.Is(err, context.DeadlineExceeded) && flags.timeout > 0:
			f.cut, err = explore.CutTime, nil
		}
		return errors.Join(flags.end(e.environment, f.out, f.cut, err, f.snapshots), incomplete(f.searched))
	})
}

var errLimit = errors.New("as many results as were asked for")

// attachedFind is one find on a server.
type attachedFind struct {
	env       *environment
	flags     *findFlags
	filter    *filterFlags
	query     client.SearchQuery
	out       *findPrinter
	cut       explore.Cut
	snapshots int // that were searched
	found     int64
	searched  []catalog.Snapshot
}

// searchOf is a query in the server's terms.
func searchOf(flags *findFlags, q *explore.Query) client.SearchQuery {
	s := client.SearchQuery{
		Text: q.Patterns, Pattern: true, MatchCase: !q.IgnoreCase, Types: q.Types,
		MinSize: int64(min(q.MinSize, 1<<62)), ModifiedAfter: q.Oldest, ModifiedBefore: q.Newest,
	}
	if flags.contains {
		s.Text, s.Pattern, s.MatchCase = q.Contains, false, false
	}
	if q.MaxSize != nil {
		most := int64(min(*q.MaxSize, 1<<62))
		s.MaxSize = &most
	}
	return s
}

// repository searches one repository.
func (f *attachedFind) repository(ctx context.Context, r *attachedRepository, several bool) error {
	s, err := r.snapshots(ctx)
	if several && syncline.CodeOf(err) == syncline.CodeNotFound {
		f.env.note("%s", messageOf(err))
		return nil
	}
	if err != nil {
		return err
	}
	complain := f.env.complain
	if several {
		complain = func(string, ...any) {} // the snapshot is another repository's
	}
	chosen, err := f.filter.choose(complain, s.SnapshotList, f.flags.snapshots)
	if err != nil || len(chosen) == 0 {
		return err
	}
	if len(f.flags.snapshots) == 0 {
		f.env.tellHidden(s.Hidden)
	}
	f.searched = append(f.searched, chosen...)
	f.snapshots += len(chosen)
	f.query.Repositories = []syncline.ID{r.ID}
	if f.env.json {
		return f.bySnapshot(ctx, r, s, chosen)
	}
	if several && !f.env.quiet {
		f.out.heading, f.out.headed = "repository "+printable(r.Name)+":", false
	}
	return f.versions(ctx, r, s, chosen)
}

// bySnapshot prints what restic prints: snapshot after snapshot.
func (f *attachedFind) bySnapshot(ctx context.Context, r *attachedRepository, s *attachedSnapshots, chosen []catalog.Snapshot) error {
	if !f.flags.reverse {
		slices.Reverse(chosen)
	}
	for i := range chosen {
		f.query.RestorePoints = []syncline.ID{s.point(chosen[i].ID)}
		err := f.search(ctx, r, func(v *client.FoundVersion) error {
			return f.out.match(&explore.Hit{Snapshot: &chosen[i], Path: v.Path, Entry: &v.Entry.Entry})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// versions prints a line for each version of a path.
func (f *attachedFind) versions(ctx context.Context, r *attachedRepository, s *attachedSnapshots, chosen []catalog.Snapshot) error {
	f.query.RestorePoints, f.query.Hosts, f.query.Tags = nil, nil, nil
	switch {
	case len(f.flags.snapshots)+len(f.filter.paths) == 0:
		f.query.Hosts, f.query.Tags = f.filter.wantedHosts(), f.filter.tags
	case len(chosen) > maxSearchPoints:
		return usageError(fmt.Sprintf("the filter chooses %d snapshots of %s, and one search takes %d; narrow it down", len(chosen), printable(r.Name), maxSearchPoints))
	default:
		for i := range chosen {
			f.query.RestorePoints = append(f.query.RestorePoints, s.point(chosen[i].ID))
		}
	}
	var path []attachedVersion // the versions of one
	err := f.search(ctx, r, func(v *client.FoundVersion) error {
		if len(path) > 0 && path[0].Path != v.Path {
			if err := f.print(path); err != nil {
				return err
			}
			path = path[:0]
		}
		x := attachedVersion{FoundVersion: *v}
		var err error
		if x.first, _, err = s.at(v.FirstRestorePointID); err == nil {
			x.last, x.place, err = s.at(v.LastRestorePointID)
		}
		path = append(path, x)
		return err
	})
	if err == nil || errors.Is(err, errLimit) {
		err = errors.Join(err, f.print(path))
	}
	return err
}

// attachedVersion is a version with its snapshots.
type attachedVersion struct {
	client.FoundVersion
	first, last *catalog.Snapshot
	place       int // of the last one
}

// print prints the versions of a path, as the server has them oldest first.
func (f *attachedFind) print(path []attachedVersion) error {
	if !f.flags.reverse {
		slices.SortStableFunc(path, func(a, b attachedVersion) int { return cmp.Compare(b.place, a.place) })
	}
	for i := range path {
		v := &path[i]
		if err := f.out.version(v.Path, &v.Entry.Entry, v.first, v.last, v.RestorePoints); err != nil {
			return err
		}
	}
	return nil
}

// search gives fn the results, of which there may be --limit.
func (f *attachedFind) search(ctx context.Context, r *attachedRepository, fn func(*client.FoundVersion) error) error {
	for v, err := range r.client.Search(ctx, f.query) {
		var missing *client.IncompleteError
		switch {
		case errors.As(err, &missing) && len(missing.NotSearched) == 0:
			if missing.Folders {
				f.cut = explore.CutDepth
			}
			continue // what restore points lack is known of each
		case errors.As(err, &missing):
			return syncline.Errorf(syncline.CodeUnavailable, "the server could not search %s (%s); syncline sync may mend it", printable(r.Name), missing.NotSearched[0].Reason)
		case err != nil:
			return err
		}
		if f.flags.limit > 0 && f.found >= f.flags.limit {
			return errLimit
		}
		f.found++
		if err := fn(&v); err != nil {
			return err
		}
	}
	return nil
}
