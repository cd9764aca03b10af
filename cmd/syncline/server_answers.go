package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/credentials"
	"syncline.dev/syncline/internal/explore"
)

// serverRepository answers from one repository of a running server.
type serverRepository struct {
	client.Repository
	env    *environment
	client *client.Client
	cached *serverSnapshots // nil until a command asks for it
}

// connected runs fn with the server.
func (e *environment) connected(_ context.Context, fn func(*client.Client) error) error {
	return e.signedIn("", func(c *client.Client, _ string) error { return fn(c) })
}

// signedIn runs fn with the server, and with the name of the user who is signed in to it.
// The requests are made for a file of declarations, "" for none.
func (e *environment) signedIn(manager string, fn func(c *client.Client, user string) error) error {
	address, err := client.ParseAddress(e.server)
	if err != nil {
		return usageError(err.Error())
	}
	store, err := credentials.OfUser()
	if err != nil {
		return err
	}
	record, err := store.Record(address)
	switch {
	case err != nil:
		return err
	case record.Token == client.Token{}:
		return syncline.Errorf(syncline.CodeUnauthenticated, "nobody is signed in to %s; sign in with syncline login %s", address, address)
	}
	c, err := e.connect(store, address, record, manager)
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	return serverError(fn(c, record.Token.UserName))
}

// askServers runs fn with all repositories of the server.
func (e *environment) askServers(ctx context.Context, fn func([]serverRepository) error) error {
	return e.connected(ctx, func(c *client.Client) error {
		list, err := c.Repositories(ctx)
		if err != nil {
			return err
		}
		all := make([]serverRepository, len(list))
		for i := range list {
			all[i] = serverRepository{Repository: list[i], env: e, client: c}
		}
		return fn(all)
	})
}

// askServer runs fn with the repository that -r names, or with the only one.
func (e *environment) askServer(ctx context.Context, fn func(*serverRepository) error) error {
	return e.askServers(ctx, func(all []serverRepository) error {
		r, err := e.chosen(all)
		if err != nil {
			return err
		}
		return fn(r)
	})
}

func (e *environment) chosen(all []serverRepository) (*serverRepository, error) {
	if e.repo == "" && len(all) == 1 {
		return &all[0], nil
	}
	i := slices.IndexFunc(all, func(r serverRepository) bool {
		return strings.EqualFold(r.Name, e.repo) || strings.EqualFold(string(r.ID), e.repo)
	})
	if e.repo != "" && i >= 0 {
		return &all[i], nil
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = printable(all[i].Name)
		if c := all[i].CopyOf; len(c) > 0 {
			names[i] += " (a copy of " + nameOf(all, c[0]) + ")"
		}
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

// nameOf returns the name of a repository, and its id where none of all has it.
func nameOf(all []serverRepository, id syncline.ID) string {
	for _, r := range all {
		if r.ID == id {
			return printable(r.Name)
		}
	}
	return string(id)
}

// serverSnapshots is a repository's snapshots, and the ids of the shown ones as
// restore points.
type serverSnapshots struct {
	explore.SnapshotList
	points []syncline.ID
}

func (r *serverRepository) snapshots(ctx context.Context) (explore.SnapshotList, error) {
	s, err := r.known(ctx)
	if err != nil {
		return explore.SnapshotList{}, err
	}
	return s.SnapshotList, nil
}

// known returns the snapshots, which it fetches once.
func (r *serverRepository) known(ctx context.Context) (*serverSnapshots, error) {
	if r.cached != nil {
		return r.cached, nil
	}
	got, err := r.client.Snapshots(ctx, r.ID)
	missing := client.StatusOf(err) == http.StatusConflict
	if err != nil && !missing {
		return nil, err
	}
	if missing || len(got) == 0 && r.IsOutOfSync {
		return nil, syncline.Errorf(syncline.CodeNotFound, "the server has no catalog of %s yet; make it with syncline sync, and see there what goes wrong", printable(r.Name))
	}
	s := &serverSnapshots{points: make([]syncline.ID, len(got))}
	s.Shown = make([]catalog.Snapshot, len(got))
	for i, p := range got {
		s.Shown[i] = catalog.Snapshot{Snapshot: p.Snapshot, Missing: p.Missing, Lost: p.Lost}
		s.points[i] = p.ID
	}
	if s.Hidden, err = r.client.HiddenSnapshots(ctx, r.ID); err != nil {
		return nil, err
	}
	r.cached = s
	return s, nil
}

// point returns the restore point of a snapshot in the list.
func (r *serverRepository) point(s *catalog.Snapshot) syncline.ID {
	return r.cached.points[slices.IndexFunc(r.cached.Shown, func(x catalog.Snapshot) bool { return x.ID == s.ID })]
}

func (r *serverRepository) pointsOf(list []catalog.Snapshot) []syncline.ID {
	points := make([]syncline.ID, len(list))
	for i := range list {
		points[i] = r.point(&list[i])
	}
	return points
}

// at returns the snapshot of a restore point, which may be newer than the list.
func (s *serverSnapshots) at(point syncline.ID) (*catalog.Snapshot, error) {
	i := slices.Index(s.points, point)
	if i < 0 {
		return nil, syncline.Errorf(syncline.CodeConflict, "the repository was synchronized meanwhile; run the command again")
	}
	return &s.Shown[i], nil
}

func (r *serverRepository) content(ctx context.Context, at snapshotFolder, path string, out io.Writer) error {
	d, err := r.client.Content(ctx, r.point(&at.snapshot), at.folder+path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, d)
	return errors.Join(err, d.Close())
}

func (r *serverRepository) history(ctx context.Context, path string, filter explore.SnapshotFilter) (list []explore.Version, unknown int, err error) {
	s, err := r.known(ctx)
	if err != nil {
		return nil, 0, err
	}
	for v, err := range r.client.History(ctx, r.ID, path, strings.Join(filter.Hosts, "")) {
		var lost *client.IncompleteError
		if errors.As(err, &lost) {
			unknown = lost.RestorePoints
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		first, err := s.at(v.FirstRestorePointID)
		if err != nil {
			return nil, 0, err
		}
		last, err := s.at(v.LastRestorePointID)
		if err != nil {
			return nil, 0, err
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
	return list, unknown, nil
}

// synchronizeServer has the server synchronize the repository, and shows how it
// goes on.
func (e *environment) synchronizeServer(ctx context.Context) (stats *syncline.SessionStatistics, err error) {
	err = e.askServer(ctx, func(r *serverRepository) error {
		shown := newProgress(e)
		session, err := r.client.Synchronize(ctx, r.ID)
		if err != nil {
			return err
		}
		defer shown.end()
		for s, err := range r.client.WatchSession(ctx, session.ID) {
			if err != nil {
				return err
			}
			shown.Progress(s.ProgressPercent, s.Statistics)
			session = s
		}
		switch {
		case session.Error != "":
			return syncline.Errorf(syncline.CodeDamaged, "the synchronization failed: %s", session.Error)
		case session.Result == "Stopped":
			return syncline.Errorf(syncline.CodeConflict, "somebody stopped the synchronization; what it did is kept")
		}
		stats = &session.Statistics
		return nil
	})
	return stats, err
}
