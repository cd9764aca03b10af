package restore

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
)

// maxLinks bounds the links in a target's path.
const maxLinks = 40

// openTarget opens the folder to restore into. With make, it makes missing
// folders. It follows links in the path that the user or root owns. Links of
// others could lead anywhere.
func openTarget(path string, make bool) (*handle, error) {
	start := "."
	if strings.HasPrefix(path, "/") {
		start = "/"
	}
	at, err := openAt(unix.AT_FDCWD, start, unix.O_DIRECTORY|unix.O_PATH)
	rest := strings.Split(path, "/")
	for links := 0; err == nil && len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		var next *handle
		var to string
		next, to, err = at.step(name, make)
		if err == nil && next == nil {
			if links++; links > maxLinks {
				err = unix.ELOOP
				continue
			}
			rest = append(strings.Split(to, "/"), rest...)
			if !strings.HasPrefix(to, "/") {
				continue
			}
			next, err = openAt(unix.AT_FDCWD, "/", unix.O_DIRECTORY|unix.O_PATH)
		}
		at.close()
		at = next
	}
	if err != nil {
		if at != nil {
			at.close()
		}
		return nil, err
	}
	defer at.close()
	return openAt(at.fd, ".", unix.O_DIRECTORY)
}

// step opens the item with a name in a folder. If it is a link, step returns
// the link's text instead.
func (h *handle) step(name string, make bool) (next *handle, link string, err error) {
	f, err := h.openFile(name, unix.O_PATH)
	if make && errors.Is(err, fs.ErrNotExist) {
		next, err = h.makeWay(name)
		return next, "", err
	}
	if err != nil {
		return nil, "", err
	}
	there, err := f.info()
	if err == nil && there.mode.IsDir() {
		return &handle{f.fd}, "", nil
	}
	switch {
	case err != nil:
	case there.mode.Type() != fs.ModeSymlink:
		err = unix.ENOTDIR
	default:
		link, err = f.trustedLink(there, name)
	}
	return nil, link, errors.Join(err, f.close())
}

// trustedLink returns the text of a link that root or the user owns.
func (f *file) trustedLink(there info, name string) (string, error) {
	if there.uid != 0 && there.uid != uint32(os.Geteuid()) {
		return "", syncline.Errorf(syncline.CodeUnavailable, "the link %s in its path belongs to another user; name the place that it leads to", name)
	}
	buf := [unix.PathMax]byte{}
	n, err := unix.Readlinkat(f.fd, "", buf[:])
	return string(buf[:max(n, 0)]), err
}

// makeWay makes a folder on the way to the target.
func (h *handle) makeWay(name string) (*handle, error) {
	real, err := openAt(h.fd, ".", unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer real.close()
	return real.newFolder(name)
}

// newFolder makes a folder in a room of its own. The name must be free.
func (h *handle) newFolder(name string) (*handle, error) {
	r, err := h.newRoom()
	if err != nil {
		return nil, err
	}
	defer r.leave(h)
	return r.folder(h, name)
}
