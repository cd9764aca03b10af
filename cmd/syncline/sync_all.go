package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// syncAll has the server synchronize all of its repositories, and prints how each went.
func (e *environment) syncAll(ctx context.Context, named bool) error {
	switch {
	case e.server == "":
		return usageError("--all is for a server's repositories: name the server with --server or SYNCLINE_SERVER; without one, sync takes one repository, with -r")
	case named:
		return usageError("--all and -r cannot be given together; leave one of them out")
	}
	return e.connected(ctx, func(c *client.Client) error {
		list, err := c.Repositories(ctx)
		if err != nil {
			return err
		}
		names := make(map[syncline.ID]string, len(list))
		for _, r := range list {
			names[r.ID] = r.Name
		}
		sessions, err := c.SynchronizeAll(ctx)
		var left *client.LeftOutError
		if err != nil && !errors.As(err, &left) {
			return err
		}
		failed := 0
		for _, s := range sessions { // they go on side by side
			if s, err = followed(ctx, c, s); err != nil {
				return err
			}
			if s.Result != "Success" {
				failed++
			}
			if err := e.printSynchronized(names[s.RepositoryID], s); err != nil {
				return err
			}
		}
		switch {
		case left != nil:
			return syncline.Errorf(syncline.CodeUnavailable, "%d of %d repositories are not synchronized; the server could not start sessions of %s",
				failed+len(left.Repositories), len(sessions)+len(left.Repositories), strings.Join(left.Repositories, ", "))
		case failed > 0:
			return syncline.Errorf(syncline.CodeDamaged, "%d of %d repositories are not synchronized", failed, len(sessions))
		}
		return nil
	})
}

// followed returns a session at its end.
func followed(ctx context.Context, c *client.Client, s client.Session) (client.Session, error) {
	for now, err := range c.WatchSession(ctx, s.ID) {
		if err != nil {
			return s, err
		}
		s = now
	}
	return s, nil
}

func (e *environment) printSynchronized(name string, s client.Session) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(struct {
			MessageType  string                     `json:"message_type"`
			Repository   string                     `json:"repository"`
			RepositoryID syncline.ID                `json:"repository_id"`
			Result       string                     `json:"result"`
			Error        string                     `json:"error,omitempty"`
			Statistics   syncline.SessionStatistics `json:"statistics"`
		}{"repository", name, s.RepositoryID, s.Result, s.Error, s.Statistics})
	}
	outcome := fmt.Sprintf("%d snapshots (%d new, %d gone)", s.Statistics.SnapshotsTotal, s.Statistics.SnapshotsAdded, s.Statistics.SnapshotsRemoved)
	switch {
	case s.Error != "":
		outcome = "failed: " + s.Error
	case s.Result != "Success":
		outcome = "stopped"
	case e.quiet:
		return nil
	}
	_, err := fmt.Fprintf(e.stdout, "%q: %s\n", name, outcome)
	return err
}
