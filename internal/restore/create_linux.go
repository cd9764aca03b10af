package restore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Created is a file that a command writes to.
type Created struct {
	*os.File
	in   *handle
	name string
}

// Create opens the file at path for writing and empties it. It makes a missing
// file. It follows links as in the path of a target, and refuses those of other
// users.
func Create(path string) (*Created, error) {
	for range maxLinks {
		dir, name := filepath.Split(path)
		if dir == "" {
			dir = "."
		}
		if name == "" || name == "." || name == ".." {
			return nil, unix.EISDIR
		}
		in, err := openTarget(dir, false)
		if err != nil {
			return nil, err
		}
		f, to, err := in.createOrLink(name)
		if err == nil && f != nil {
			return &Created{f, in, name}, nil
		}
		in.close()
		if err != nil {
			return nil, err
		}
		if path = to; !filepath.IsAbs(to) {
			path = dir + "/" + to // not cleaned: ".." behind a link can lead elsewhere
		}
	}
	return nil, unix.ELOOP
}

// createOrLink opens a file for writing. If the name is a link, it returns the
// link's text instead.
func (h *handle) createOrLink(name string) (_ *os.File, link string, err error) {
	const flags = unix.O_WRONLY | unix.O_TRUNC
	if h.isProc() { // its links have no text
		f, err := os.OpenFile(procPath(h.fd)+"/"+name, flags, 0)
		return f, "", err
	}
	f, err := h.openFile(name, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		fd := -1
		err = retrying(func() (err error) {
			fd, err = unix.Openat(h.fd, name, flags|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
			return err
		})
		if err != nil {
			return nil, "", err
		}
		return os.NewFile(uintptr(fd), name), "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer f.close() //nolint:errcheck // nothing was done with it
	there, err := f.info()
	if err != nil {
		return nil, "", err
	}
	if there.mode.Type() == fs.ModeSymlink {
		link, err = f.trustedLink(there, name)
		return nil, link, err
	}
	opened, err := os.OpenFile(procPath(f.fd), flags, 0)
	return opened, "", err
}

func (h *handle) isProc() bool {
	var st unix.Statfs_t
	return unix.Fstatfs(h.fd, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

// Close closes the file.
func (c *Created) Close() error {
	c.in.close()
	return c.File.Close()
}

// Discard closes the file. It removes a regular file that still has its name.
func (c *Created) Discard() error {
	of, err := (&file{int(c.Fd())}).info()
	if err == nil && of.mode.IsRegular() {
		var there info
		if there, err = c.in.stat(c.name); err == nil && there.id.is(of.id) {
			err = c.in.remove(c.name, false)
		}
	}
	return errors.Join(err, c.Close())
}
