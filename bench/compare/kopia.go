package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"strings"
)

// kopiaPassword is that of the repository that make-kopia.sh writes.
const kopiaPassword = "bench"

// kopiaRoot is the folder that kopia's snapshots begin with, in the paths of restic's.
const kopiaRoot = "/data"

// measureKopia measures kopia on its own repository of the same files, for the README's
// table. It checks that the answers are those of Syncline. kopia has no search.
func (c *comparison) measureKopia(ctx context.Context) error {
	if c.kopia == "" || c.kopiaRepo == "" || c.newest {
		c.note("kopia was not measured, because there is no program of it or no repository of the same files.")
		return nil
	}
	env := []string{
		"KOPIA_PASSWORD=" + kopiaPassword, "KOPIA_CHECK_FOR_UPDATES=false", "KOPIA_USE_KEYRING=false", "KOPIA_PERSIST_CREDENTIALS_ON_CONNECT=false",
		"KOPIA_CONFIG_PATH=" + filepath.Join(c.scratch, "kopia.config"), "KOPIA_LOG_DIR=" + filepath.Join(c.scratch, "kopia-logs"),
	}
	u, err := measure(ctx, env, c.kopia, "--version")
	if err != nil {
		return err
	}
	version, _, _ := strings.Cut(string(u.out), " ")
	_, err = measure(ctx, env, c.kopia, "repository", "connect", "filesystem", "--readonly", "--path", c.kopiaRepo, "--cache-directory", filepath.Join(c.scratch, "kopia-cache"))
	if err != nil {
		return err
	}
	roots, err := c.kopiaSnapshots(ctx, env)
	if err != nil {
		return err
	}
	if err := c.kopiaLists(ctx, env, roots); err != nil {
		return err
	}
	if err := c.kopiaRestores(ctx, env, roots[len(roots)-1]); err != nil {
		return err
	}
	c.kopiaVersion = "kopia " + strings.TrimPrefix(version, "v")
	return nil
}

// kopiaSnapshots returns the root folders of the snapshots, oldest first.
func (c *comparison) kopiaSnapshots(ctx context.Context, env []string) (roots []string, err error) {
	u, err := median(c.runs, func() (usage, error) { return measure(ctx, env, c.kopia, "snapshot", "list", "--all", "--json") })
	if err != nil {
		return nil, err
	}
	c.answer(listSnapshots, columnKopia, u)
	var list []struct {
		Root struct {
			ID string `json:"obj"`
		} `json:"rootEntry"`
	}
	if err := json.Unmarshal(u.out, &list); err != nil {
		return nil, err
	}
	for _, s := range list {
		roots = append(roots, s.Root.ID)
	}
	if len(roots) != len(c.snapshots) || len(roots) == 0 {
		return nil, fmt.Errorf("kopia has %d snapshots, restic %d", len(roots), len(c.snapshots))
	}
	return roots, nil
}

// kopiaLists measures the list of the newest snapshot and the differences of the last two.
func (c *comparison) kopiaLists(ctx context.Context, env, roots []string) error {
	last := roots[len(roots)-1]
	u, err := median(c.runs, func() (usage, error) { return measure(ctx, env, c.kopia, "list", "--recursive", last) })
	if err != nil {
		return err
	}
	c.answer(listNewest, columnKopia, u)
	mine, err := measure(ctx, nil, c.syncline, c.plain(c.ours(), "ls", "latest")...)
	if err != nil {
		return err
	}
	if err := sameSet("ls latest", kopiaPaths(u.out, last), listed(mine.out)); err != nil || len(roots) < 2 {
		return err
	}
	u, err = median(c.runs, func() (usage, error) { return measure(ctx, env, c.kopia, "diff", roots[len(roots)-2], last) })
	if err != nil {
		return err
	}
	c.answer(diffNewest, columnKopia, u)
	n := len(c.snapshots)
	mine, err = measure(ctx, nil, c.syncline, c.plain(c.ours(), "diff", c.snapshots[n-2], c.snapshots[n-1])...)
	if err != nil {
		return err
	}
	return sameSet("diff", kopiaChanges(u.out), changes(mine.out))
}

// sameSet compares an answer of kopia's with Syncline's.
func sameSet(what string, kopia, mine map[string]bool) error {
	if maps.Equal(kopia, mine) {
		return nil
	}
	for line := range mine {
		if !kopia[line] {
			return fmt.Errorf("%s: kopia has %d lines, syncline %d, and only syncline has %q", what, len(kopia), len(mine), line)
		}
	}
	return fmt.Errorf("%s: kopia has %d lines, syncline %d", what, len(kopia), len(mine))
}

// texts calls fn with every line.
func texts(raw []byte, fn func(string)) {
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		fn(s.Text())
	}
}

// kopiaPaths are the paths of a list of kopia's, as restic prints them.
func kopiaPaths(raw []byte, root string) map[string]bool {
	out := map[string]bool{kopiaRoot: true}
	texts(raw, func(line string) { out[kopiaRoot+strings.TrimSuffix(strings.TrimPrefix(line, root), "/")] = true })
	return out
}

// listed are the paths of ls.
func listed(raw []byte) map[string]bool {
	out := make(map[string]bool)
	texts(raw, func(line string) {
		if strings.HasPrefix(line, "/") {
			out[line] = true
		}
	})
	return out
}

// changes are the lines of items of diff: a letter, and a path.
func changes(raw []byte) map[string]bool {
	out := make(map[string]bool)
	texts(raw, func(line string) {
		if kind, name, ok := strings.Cut(line, " "); ok && len(kind) == 1 && strings.HasPrefix(strings.TrimSpace(name), "/") {
			out[kind+" "+strings.TrimSuffix(strings.TrimLeft(name, " "), "/")] = true
		}
	})
	return out
}

// kopiaChanges are the items of kopia's diff, in the form of changes. Its lines about the
// single fields of a changed item are left out.
func kopiaChanges(raw []byte) map[string]bool {
	out := make(map[string]bool)
	texts(raw, func(line string) {
		for _, k := range []struct{ head, tail, kind string }{
			{"added file ./", " (", "+"},
			{"added directory ./", "", "+"},
			{"removed file ./", " (", "-"},
			{"removed directory ./", "", "-"},
			{"changed ./", " at ", "M"},
		} {
			name, ok := strings.CutPrefix(line, k.head)
			if !ok {
				continue
			}
			if i := strings.LastIndex(name, k.tail); k.tail != "" && i >= 0 {
				name = name[:i]
			}
			out[k.kind+" "+path.Join(kopiaRoot, name)] = true
		}
	})
	return out
}

// kopiaRestores measures the restore of the same folder, and compares the files.
func (c *comparison) kopiaRestores(ctx context.Context, env []string, root string) error {
	if c.folder == "" {
		return errors.New("kopia's restore needs the step restores")
	}
	target := filepath.Join(c.scratch, "kopia-target")
	below := strings.TrimPrefix(c.folder, kopiaRoot)
	u, err := median(min(c.runs, 3), func() (usage, error) {
		if err := c.setAside(target); err != nil {
			return usage{}, err
		}
		return measure(ctx, env, c.kopia, "restore", root+below, target)
	})
	if err != nil {
		return err
	}
	c.answer(restoreSmall, columnKopia, u)
	return sameContents(filepath.Join(c.scratch, "syncline-target", c.folder), target)
}

// sameContents compares the regular files below two folders.
func sameContents(want, got string) error {
	count := func(dir string) (n int, err error) {
		err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				n++
			}
			return err
		})
		return n, err
	}
	n, err := count(want)
	m, gotErr := count(got)
	if err := errors.Join(err, gotErr); err != nil {
		return err
	}
	if n != m {
		return fmt.Errorf("%s has %d files, %s %d", want, n, got, m)
	}
	return filepath.WalkDir(want, func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(want, at)
		if err != nil {
			return err
		}
		return sameFile(at, filepath.Join(got, rel))
	})
}
