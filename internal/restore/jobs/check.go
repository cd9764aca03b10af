package jobs

import (
	"context"
	"path/filepath"
	"strings"
	"unicode"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/store"
)

// complete makes sure that a job can begin, and fills in what follows from its
// restore point and target.
func (s *Service) complete(ctx context.Context, j *syncline.RestoreJob) error {
	if _, _, err := s.place(j.TargetPath); err != nil {
		return err
	}
	j.TargetPath = filepath.Clean(j.TargetPath)
	if j.Overwrite == "" {
		j.Overwrite = syncline.OverwriteAlways
	}
	if _, err := options(j); err != nil {
		return err
	}
	point, err := s.Points.Get(ctx, j.RestorePointID)
	if err != nil {
		return err
	}
	j.RestorePointID, j.RepositoryID, j.SnapshotID = point.ID, point.RepositoryID, point.Snapshot.ID
	for _, path := range j.Paths {
		if _, err := s.Contents.Find(ctx, point, path); err != nil {
			return err
		}
	}
	return s.checkRepositories(ctx, j)
}

// place returns the allowed folder that a path lies in, and the way from there.
func (s *Service) place(path string) (root syncline.RestoreTarget, within string, err error) {
	switch {
	case len(s.Allowed) == 0:
		return root, "", syncline.Errorf(syncline.CodeForbidden,
			"restores on the server are not allowed; the operator can name folders for them with syncline serve --restore-root")
	case !filepath.IsAbs(path) || strings.ContainsFunc(path, unicode.IsControl):
		return root, "", syncline.Errorf(syncline.CodeInvalid, "targetPath must be absolute, without control characters")
	}
	for _, t := range s.Allowed {
		if rel, err := filepath.Rel(t.Path, path); err == nil && filepath.IsLocal(rel) && len(t.Path) > len(root.Path) {
			root, within = t, rel
		}
	}
	if within == "" {
		return root, "", syncline.Errorf(syncline.CodeForbidden,
			"targetPath lies in no folder that the operator allows; GET /v6/RestoreTargets lists these")
	}
	return root, within, nil
}

// checkRepositories makes sure that no repository in a folder of this node can be
// overwritten, and that this node can read the one that a job restores from.
func (s *Service) checkRepositories(ctx context.Context, j *syncline.RestoreJob) error {
	all, err := s.Repositories.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Path == "" {
			continue
		}
		if s.HasFolder != nil {
			switch err := s.HasFolder(ctx, r); {
			case err == nil:
			case r.ID == j.RepositoryID, syncline.CodeOf(err) != syncline.CodeConflict:
				return err
			default:
				continue // a folder of another machine
			}
		}
		path := r.Path
		if plain, err := filepath.EvalSymlinks(path); err == nil {
			path = plain
		}
		if overlap(path, j.TargetPath) {
			return syncline.Errorf(syncline.CodeConflict, "the repository %q lies there; choose another targetPath", r.Name)
		}
	}
	return nil
}

// checkOthers makes sure that no two jobs write the same files of a node, and that not
// too many wait.
func checkOthers(unended []store.Work, node, target string) error {
	if len(unended) >= maxUnended {
		return syncline.Errorf(syncline.CodeThrottled, "%d restores run or wait already; try again when some have ended", len(unended))
	}
	for _, w := range unended {
		if w.Node == node && overlap(jobOf(w).TargetPath, target) {
			return syncline.Errorf(syncline.CodeConflict, "the restore job %s writes there; wait for its end, or choose another targetPath", w.ID)
		}
	}
	return nil
}

// overlap reports whether one of two folders lies in the other, or both are
// one.
func overlap(a, b string) bool {
	in := func(a, b string) bool {
		rel, err := filepath.Rel(a, b)
		return err == nil && filepath.IsLocal(rel)
	}
	return in(a, b) || in(b, a)
}

// options are those of package restore.
func options(j *syncline.RestoreJob) (o restore.Options, err error) {
	if !j.Overwrite.Known() {
		return o, syncline.Errorf(syncline.CodeInvalid, "overwrite must be one of Always, IfChanged, IfNewer, Never")
	}
	filter, err := restore.NewFilter(j.Include, nil, j.Exclude, nil)
	if err != nil {
		return o, err
	}
	return restore.Options{Filter: filter.Within(j.Paths...), Overwrite: j.Overwrite, Sparse: j.Sparse, Verify: j.Verify}, nil
}
