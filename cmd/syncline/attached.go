package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// served answers from a running server.
type served struct{ *environment }

// attachedRepository is one repository there.
type attachedRepository struct {
	client.Repository
	env    *environment
	client *client.Client
}

// connected runs fn with the server.
func (e served) connected(ctx context.Context, fn func(*client.Client) error) error {
	address, err := client.ParseAddress(e.server)
	if err != nil {
		return usageError(err.Error())
	}
	store, err := userCredentials()
	if err != nil {
		return err
	}
	record, err := store.record(address)
	switch {
	case err != nil:
		return err
	case record.Token == client.Token{}:
		return syncline.Errorf(syncline.CodeUnauthenticated, "nobody is signed in to %s; sign in with syncline login %s", address, address)
	}
	c, err := e.connect(store, address, record)
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	return serverError(fn(c))
}

// repositories runs fn with the repositories there.
func (e served) repositories(ctx context.Context, fn func([]attachedRepository) error) error {
	return e.connected(ctx, func(c *client.Client) error {
		list, err := c.Repositories(ctx)
		if err != nil {
			return err
		}
		all := make([]attachedRepository, len(list))
		for i := range list {
			all[i] = attachedRepository{list[i], e.environment, c}
		}
		return fn(all)
	})
}

// repository runs fn with the repository that -r names, or with the only one.
func (e served) repository(ctx context.Context, fn func(*attachedRepository) error) error {
	return e.repositories(ctx, func(all []attachedRepository) error {
		r, err := e.named(all)
		if err != nil {
			return err
		}
		return fn(r)
	})
}

func (e served) named(all []attachedRepository) (*attachedRepository, error) {
	if e.repo == "" && len(all) == 1 {
		return &all[0], nil
	}
	i := slices.IndexFunc(all, func(r attachedRepository) bool {
		return strings.EqualFold(r.Name, e.repo) || strings.EqualFold(string(r.ID), e.repo)
	})
	if e.repo != "" && i >= 0 {
		return &all[i], nil
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = printable(all[i].Name)
	}
	there := "it has " + strings.Join(names, ", ")
	if len(all) == 0 {
		there = "none is attached"
	}
	if e.repo == "" && len(all) > 0 {
		return nil, usageError("please say with -r which of the server's repositories is meant; " + there)
	}
	return nil, syncline.Errorf(syncline.CodeNoRepository, "there is no repository %s on %s (%s); without --server and SYNCLINE_SERVER, -r is the place of a repository",
		printable(e.repo), e.server, there)
}

// attachedSnapshots is a repository's snapshots, and the ids of those that are
// shown as restore points.
type attachedSnapshots struct {
	explore.SnapshotList
	points []syncline.ID
}

func (r *attachedRepository) snapshots(ctx context.Context) (*attachedSnapshots, error) {
	got, err := r.client.Snapshots(ctx, r.ID)
	missing := client.StatusOf(err) == http.StatusConflict
	if err != nil && !missing {
		return nil, err
	}
	if missing || len(got) == 0 && r.IsOutOfSync {
		return nil, syncline.Errorf(syncline.CodeNotFound, "the server has no catalog of %s yet; make it with syncline sync, and see there what goes wrong", printable(r.Name))
	}
	s := &attachedSnapshots{points: make([]syncline.ID, len(got))}
	s.Shown = make([]catalog.Snapshot, len(got))
	for i, p := range got {
		s.Shown[i] = catalog.Snapshot{Snapshot: p.Snapshot, Missing: p.Missing, Lost: p.Lost}
		s.points[i] = p.ID
	}
	s.Hidden, err = r.client.HiddenSnapshots(ctx, r.ID)
	return s, err
}

// point returns a snapshot's id as a restore point.
func (s *attachedSnapshots) point(id syncline.Hash) syncline.ID {
	return s.points[slices.IndexFunc(s.Shown, func(x catalog.Snapshot) bool { return x.ID == id })]
}

// at returns the snapshot that is a restore point, and its place in the list. It
// may have come since the list did.
func (s *attachedSnapshots) at(point syncline.ID) (*catalog.Snapshot, int, error) {
	i := slices.Index(s.points, point)
	if i < 0 {
		return nil, 0, syncline.Errorf(syncline.CodeConflict, "the repository was synchronized meanwhile; run the command again")
	}
	return &s.Shown[i], i, nil
}

// one finds what a reference names: a restore point, and the folder in it as a
// path, "" for the root.
func (s *attachedSnapshots) one(filter *filterFlags, reference string) (point syncline.ID, snapshot catalog.Snapshot, folder string, err error) {
	snapshot, folder, err = filter.one(s.SnapshotList, reference)
	if err != nil {
		return "", snapshot, "", err
	}
	return s.point(snapshot.ID), snapshot, folder, nil
}

func (e served) snapshots(ctx context.Context, fn func(explore.SnapshotList) error) error {
	return e.repository(ctx, func(r *attachedRepository) error {
		s, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		return fn(s.SnapshotList)
	})
}

func (e served) cat(ctx context.Context, out io.Writer, filter *filterFlags, reference, path string) error {
	return e.repository(ctx, func(r *attachedRepository) error {
		s, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		point, _, folder, err := s.one(filter, reference)
		if err != nil {
			return err
		}
		d, err := r.client.Content(ctx, point, folder+filePath(path))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, d)
		return errors.Join(err, d.Close())
	})
}

func (e served) history(ctx context.Context, h *historian, filter *filterFlags) error {
	hosts := filter.wantedHosts()
	if len(hosts) > 1 || len(filter.tags)+len(filter.paths) > 0 {
		return usageError("with --server, history takes one --host at most, and neither --tag nor --path")
	}
	return e.repository(ctx, func(r *attachedRepository) error {
		s, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		var list []explore.Version
		var lost *client.IncompleteError
		unknown := 0
		for v, err := range r.client.History(ctx, r.ID, h.path, strings.Join(hosts, "")) {
			if errors.As(err, &lost) {
				unknown = lost.RestorePoints
				continue
			}
			if err != nil {
				return err
			}
			first, _, err := s.at(v.FirstRestorePointID)
			if err != nil {
				return err
			}
			last, _, err := s.at(v.LastRestorePointID)
			if err != nil {
				return err
			}
			version := explore.Version{
				Hostname: v.HostName, Event: explore.VersionEvent(v.Event), FirstSnapshot: first.ID, LastSnapshot: last.ID,
				FirstTime: first.Time, LastTime: last.Time, RestorePoints: v.RestorePoints,
			}
			if v.Entry != nil {
				version.Entry = &v.Entry.Entry
			}
			list = append(list, version)
		}
		return h.show(list, unknown)
	})
}

func (e served) sync(ctx context.Context) error {
	return e.repository(ctx, func(r *attachedRepository) error {
		begun, shown := time.Now(), newProgress(e.environment)
		session, err := r.client.Synchronize(ctx, r.ID)
		if err != nil {
			return err
		}
		for s, err := range r.client.WatchSession(ctx, session.ID) {
			if err != nil {
				shown.end()
				return err
			}
			shown.Progress(s.ProgressPercent, s.Statistics)
			session = s
		}
		shown.end()
		if session.Error != "" {
			return syncline.Errorf(syncline.CodeDamaged, "the synchronization failed: %s", session.Error)
		}
		if session.Result == "Stopped" {
			return syncline.Errorf(syncline.CodeConflict, "somebody stopped the synchronization; what it did is kept")
		}
		return e.printSummary(session.Statistics, time.Since(begun))
	})
}
