package sftp

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

const (
	// maxDepth bounds the depth of List. restic's layout needs two levels.
	maxDepth = 64
	// maxPages is how many pages of a folder are asked for at once. It begins
	// with two, because most folders end with the second.
	maxPages = 16
	// maxEmpty bounds the pages without an entry, one after another.
	maxEmpty = 64
	// maxOthers bounds the entries of a listing that are no files, such as folders and
	// links that lead nowhere. restic's layout has 256.
	maxOthers = 65_536
)

// List implements storage.Storage. A missing dir matches fs.ErrNotExist. Files
// and links that vanish during the listing are left out. A symbolic link counts
// as the file it leads to, and a link to a folder is an error, as in package
// local. A folder or a pipe with the name of an object counts as a file without
// bytes.
func (s *Storage) List(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	if err := storage.CheckDir(dir); err != nil {
		return err
	}
	session, err := s.connection(ctx)
	if err != nil {
		return err
	}
	w := walk{storage: s, session: session, ctx: ctx, fn: fn}
	return w.folder(dir, 0)
}

// walk is one run of List.
type walk struct {
	storage *Storage
	session *session
	ctx     context.Context
	fn      func(name string, size int64) error
	entries int
	files   int // the entries that fn has got
}

func (w *walk) file(name string, size int64) error {
	w.files++
	return w.fn(name, size)
}

// folder lists one folder.
func (w *walk) folder(name string, depth int) error {
	full := w.storage.full(name)
	handle, err := w.session.open(w.ctx, typeOpendir, full, nil)
	if err != nil {
		return translate(name, err)
	}
	err = w.pages(handle, name, depth)
	if err != nil || depth > 0 {
		w.session.closeHandle(w.ctx, handle)
		return err
	}
	// A folder that was removed meanwhile gave only a part of its files.
	stat, err := w.session.send(w.ctx, typeStat, func(p packet) packet { return p.text(full) })
	w.session.closeHandle(w.ctx, handle)
	if err != nil {
		return err
	}
	_, err = w.session.attributes(w.ctx, stat)
	return translate(name, err)
}

// pages reads the pages of a folder. Several are on the way at once.
func (w *walk) pages(handle, name string, depth int) error {
	var queue []*call
	defer func() {
		for _, c := range queue {
			c.abandon()
		}
	}()
	atOnce, empty, ended := 2, 0, false
	for !ended || len(queue) > 0 {
		for !ended && len(queue) < atOnce {
			c, err := w.session.send(w.ctx, typeReaddir, func(p packet) packet { return p.text(handle) })
			if err != nil {
				return err
			}
			queue = append(queue, c)
		}
		a, err := queue[0].wait(w.ctx)
		queue = queue[1:]
		if err != nil {
			return err
		}
		list, last, err := page(a)
		switch {
		case last || ended && err != nil:
			ended = true
			continue
		case err != nil:
			return translate(name, err)
		}
		atOnce = min(atOnce*2, maxPages)
		if empty++; empty > maxEmpty {
			return storage.Incomplete(name, "has too many pages without an entry")
		}
		for _, e := range list {
			if e.name == "." || e.name == ".." {
				continue
			}
			empty = 0
			if err := w.entry(name, e, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// page returns the entries in an answer. last is set for the answer after the
// last page.
func page(a answer) (list []entry, last bool, err error) {
	if a.kind == typeName {
		if list, err = entries(a.body); err != nil {
			err = errWrongKind
		}
		return list, false, err
	}
	err = statusOf(a)
	var refusal *statusError
	if errors.As(err, &refusal) && refusal.code == statusEOF {
		return nil, true, nil
	}
	if err == nil {
		err = errWrongKind
	}
	return nil, false, err
}

func (w *walk) entry(parent string, e entry, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.entries++; w.entries-w.files > maxOthers {
		return syncline.Errorf(syncline.CodeTooLarge, "the folder %q has more than %d entries that are no files; this is no restic repository", parent, maxOthers)
	}
	if strings.Contains(e.name, "/") || storage.CheckName(e.name) != nil {
		return storage.Incomplete(parent, "has a name that no file can have")
	}
	name := e.name
	if parent != "" {
		name = parent + "/" + name
	}
	found := e.attributes
	if link := found.is(modeLink); link || !found.hasModes || !found.hasSize {
		var err error
		if found, err = w.stat(name); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // vanished, or a link that leads nowhere
			}
			return err
		}
		if link && found.is(modeFolder) {
			return syncline.Errorf(syncline.CodeInvalid, "the symbolic link %q leads to a folder; replace it with the folder itself", name)
		}
	}
	switch {
	case found.hasSize && (found.is(modeRegular) || !found.hasModes && isObject(e.name)):
		return w.file(name, found.size)
	case !found.hasModes || found.is(modeRegular):
		return syncline.Errorf(syncline.CodeUnsupported, "the SFTP server does not tell the kind and size of %q; a listing without them cannot be trusted", name)
	case isObject(e.name):
		return w.file(name, 0)
	case found.is(modeFolder):
		return w.enter(name, depth)
	}
	return nil // sockets, pipes and devices are no part of a repository
}

func (w *walk) enter(name string, depth int) error {
	if depth >= maxDepth {
		return syncline.Errorf(syncline.CodeTooLarge, "folders below %q are nested deeper than %d levels; this is no restic repository", name[:min(len(name), 80)], maxDepth)
	}
	err := w.folder(name, depth+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // vanished
	}
	return err
}

// stat returns the attributes of a file, behind a link.
func (w *walk) stat(name string) (attributes, error) {
	c, err := w.session.send(w.ctx, typeStat, func(p packet) packet { return p.text(w.storage.full(name)) })
	if err != nil {
		return attributes{}, err
	}
	found, err := w.session.attributes(w.ctx, c)
	return found, translate(name, err)
}

// isObject reports whether a name is the hash of a file.
func isObject(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}
