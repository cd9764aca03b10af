package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// histories asks for the versions of files and folders over all snapshots.
func (c *comparison) histories(ctx context.Context, s *server, repo string) error {
	var paths []string
	for _, dir := range c.pick.dirs[:min(100, len(c.pick.dirs))] {
		paths = append(paths, dir, strings.TrimSuffix(dir[:strings.LastIndexByte(dir, '/')+1], "/"))
	}
	for i, path := range paths {
		paths[i] = "/v6/BackupRepositories/" + repo + "/History?path=" + url.QueryEscape(cmp.Or(path, "/"))
	}
	l, err := s.ask(ctx, paths)
	if err != nil {
		return err
	}
	c.note("Server, the versions of a folder over %d snapshots: %s.", len(c.snapshots), l)
	c.bounds = append(c.bounds, latencyBound(fmt.Sprintf("versions of a folder over %d snapshots in a running server, p99", len(c.snapshots)), l, 20, 10))
	return nil
}

// started measures the first pages of a server that starts with a catalog.
func (c *comparison) started(ctx context.Context) (err error) {
	s, err := c.startServer(ctx, c.ours(), filepath.Join(c.scratch, "data"), "--sync-interval", "0")
	if err != nil {
		return err
	}
	defer func() {
		_, stopErr := s.stop()
		err = errors.Join(err, stopErr)
	}()
	folders, err := c.folderPages(ctx, s, 100)
	if err != nil {
		return err
	}
	pages, err := s.ask(ctx, folders)
	if err != nil {
		return err
	}
	c.note("Server that has just started, the first page of a random folder: %s.", pages)
	c.bounds = append(c.bounds, latencyBound("one directory's listing in a server that has just started, p99 of the first 100", pages, 5, 2))
	return nil
}

// folderPages returns the addresses of pages of folders in the newest snapshot.
func (c *comparison) folderPages(ctx context.Context, s *server, most int) ([]string, error) {
	var points []struct {
		ID string `json:"id"`
	}
	if err := s.call(ctx, "GET", "/v6/RestorePoints", nil, &points); err != nil {
		return nil, err
	}
	if len(points) == 0 {
		return nil, errors.New("the server shows no restore points")
	}
	var pages []string
	for _, dir := range c.pick.dirs[:min(most, len(c.pick.dirs))] { // the newest snapshot comes first
		pages = append(pages, "/v6/RestorePoints/"+points[0].ID+"/Entries?limit=100&path="+url.QueryEscape(dir))
	}
	return pages, nil
}
