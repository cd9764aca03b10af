package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// rounds are the turns of two servers with one question, of askedInRound requests each.
const (
	rounds       = 7
	askedInRound = 60
)

// asked is a kind of request that two servers answer by turns.
type asked struct {
	what  string
	paths func(*server) ([]string, error)
}

// servedByTurns starts this program's server and the release's, which answer the same
// requests by turns.
func (c *comparison) servedByTurns(ctx context.Context) (err error) {
	this, err := c.serving(ctx, c.ours())
	if err != nil {
		return err
	}
	defer func() { _, stopErr := this.stop(); err = errors.Join(err, stopErr) }()
	if err := c.summaries(ctx, this); err != nil {
		return err
	}
	if c.release == "" {
		return nil
	}
	release, err := c.serving(ctx, c.theRelease())
	if err != nil {
		c.note("Requests: without the release. %s", reason(err))
		return nil
	}
	defer func() { _, stopErr := release.stop(); err = errors.Join(err, stopErr) }()
	for _, q := range c.asked(ctx) {
		if err := c.askBoth(ctx, q, this, release); err != nil {
			return err
		}
	}
	return nil
}

// serving starts a server of one of the programs, and has it synchronize the
// repository unless it has.
func (c *comparison) serving(ctx context.Context, s side) (*server, error) {
	data := filepath.Join(c.scratch, "data")
	if s.release {
		data = filepath.Join(c.scratch, "release-data")
	}
	running, err := c.startServer(ctx, s, data, "--sync-interval", "0")
	if err != nil {
		return nil, err
	}
	if _, err := running.repository(ctx); err != nil {
		if _, _, err := c.attach(ctx, running); err != nil {
			_, stopErr := running.stop()
			return nil, errors.Join(err, stopErr)
		}
	}
	return running, nil
}

// repository is the id of the only repository of a server.
func (s *server) repository(ctx context.Context) (string, error) {
	var list []struct {
		ID string `json:"id"`
	}
	err := s.call(ctx, "GET", "/v6/BackupRepositories", nil, &list)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("the server has %d repositories", len(list))
	}
	if err != nil {
		return "", err
	}
	return list[0].ID, nil
}

// asked are the kinds of requests.
func (c *comparison) asked(ctx context.Context) []asked {
	search := func(mode string, text func(string) string) func(*server) ([]string, error) {
		return func(*server) (paths []string, err error) {
			for _, name := range c.pick.names[:min(askedInRound, len(c.pick.names))] {
				paths = append(paths, "/v6/Search?limit=100&"+mode+"&query="+url.QueryEscape(strings.ToValidUTF8(text(name), "?")))
			}
			return paths, nil
		}
	}
	return []asked{
		{"the first page of a folder", func(s *server) ([]string, error) { return c.folderPages(ctx, s, askedInRound) }},
		{"search for a name", search("mode=pattern&ignoreCase=false", literal)},
		{"search for a part of a name, in any letter case", search("mode=contains", func(name string) string { return name[len(name)/4 : len(name)-len(name)/4] })},
		{fmt.Sprintf("the versions of a folder over %d snapshots", len(c.snapshots)), func(s *server) (paths []string, err error) {
			repo, err := s.repository(ctx)
			for _, dir := range c.pick.dirs[:min(askedInRound, len(c.pick.dirs))] {
				paths = append(paths, "/v6/BackupRepositories/"+repo+"/History?path="+url.QueryEscape(dir))
			}
			return paths, err
		}},
		{"the summary of the differences of neighbouring snapshots", func(s *server) ([]string, error) { return s.neighbours(ctx) }},
	}
}

// neighbours are the addresses of the summaries of differences between neighbouring
// snapshots, newest first. There are at most ten.
func (s *server) neighbours(ctx context.Context) (paths []string, err error) {
	var points []struct {
		ID string `json:"id"`
	}
	if err := s.call(ctx, "GET", "/v6/RestorePoints", nil, &points); err != nil {
		return nil, err
	}
	for i := range min(10, len(points)-1) {
		paths = append(paths, "/v6/RestorePoints/"+points[i+1].ID+"/DifferenceSummary?with="+points[i].ID)
	}
	return paths, nil
}

// summaries measures the API's comparison of neighbouring snapshots, without blobs.
func (c *comparison) summaries(ctx context.Context, s *server) error {
	paths, err := s.neighbours(ctx)
	if err != nil || len(paths) == 0 {
		return err
	}
	l, err := s.ask(ctx, paths)
	if err != nil {
		return err
	}
	c.note("Server, the first summary of the differences of neighbouring snapshots: %s.", l)
	b := bound{
		what: "summary of the differences of neighbouring snapshots in a running server, median",
		then: "100 ms", measured: fmt.Sprintf("%.1f ms (most %.1f ms)", ms(l.at(.5)), ms(l.at(1))), metThen: judge(l.at(.5) <= 100*time.Millisecond),
	}
	if c.newest {
		b.then, b.metThen = "", unmeasured
	}
	c.bounds = append(c.bounds, b)
	return nil
}

// askBoth asks both servers by turns, one round after the other.
func (c *comparison) askBoth(ctx context.Context, q asked, this, release *server) error {
	both := [2]*server{this, release}
	var paths [2][]string
	for k, s := range both {
		var err error
		if paths[k], err = q.paths(s); err == nil && len(paths[k]) > 0 {
			_, err = s.ask(ctx, paths[k]) // loads what the answers need
		}
		if err != nil && k == 1 {
			c.note("%s: without the release. %s", q.what, reason(err))
			return nil
		}
		if err != nil || len(paths[k]) == 0 {
			return err
		}
	}
	measured := func() (p paired, err error) {
		for turn := range rounds {
			for i := range both {
				k := (turn + i) % 2
				u, err := both[k].round(ctx, paths[k])
				if err != nil {
					return p, err
				}
				if k == 0 {
					p.this = append(p.this, u)
				} else {
					p.release = append(p.release, u)
				}
			}
		}
		return p, nil
	}
	p, err := measured()
	if err == nil {
		p, err = p.confirm(measured)
	}
	if err != nil {
		return err
	}
	u, v := middle(p.this), middle(p.release)
	c.served = append(c.served, row{what: q.what, syncline: &u, release: &v, pair: p})
	return nil
}

// round makes requests one after the other. It returns their median time, and the
// server's CPU time for each.
func (s *server) round(ctx context.Context, paths []string) (u usage, err error) {
	before, err := cpuOf(s.cmd.Process.Pid)
	if err != nil {
		return u, err
	}
	l, err := s.ask(ctx, paths)
	if err != nil {
		return u, err
	}
	after, err := cpuOf(s.cmd.Process.Pid)
	return usage{wall: l.at(.5), cpu: (after - before) / time.Duration(len(paths))}, err
}
