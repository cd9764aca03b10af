// Package local reads a repository in a local folder. No name and no link leads
// it out of that folder. It does not know what the files mean.
package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/oserr"
	"syncline.dev/syncline/internal/storage"
)

// Storage is a folder; it implements storage.Storage.
type Storage struct{ root *os.Root }

var _ storage.Storage = (*Storage)(nil)

// Open opens the folder at path, which must be absolute. A missing folder
// matches fs.ErrNotExist.
func Open(path string) (*Storage, error) {
	if !filepath.IsAbs(path) {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the repository's path %q is not absolute; write it from the root of the file system", path)
	}
	// Opening a named pipe would wait for its writer.
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return nil, syncline.Errorf(syncline.CodeNoRepository, "%q is not a folder", path)
	}
	root, err := os.OpenRoot(path)
	if err == nil {
		return &Storage{root}, nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, syncline.WrapError(syncline.CodeNoRepository, err, "the folder %q does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, storage.Refused(err, "the folder %q may not be read by the user this program runs as", path)
	}
	return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the folder %q cannot be opened; %s", path, oserr.Advice(err, ""))
}

// Close releases the folder. Files that are open stay readable.
func (s *Storage) Close() error { return s.root.Close() }

// Open implements storage.Storage. Each Read is one positioned read straight
// into the caller's buffer.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	if err := storage.CheckOffset(offset); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	f, err := s.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, translate(name, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, translate(name, err)
	}
	return &reader{ctx: ctx, file: f, name: name, offset: offset, left: length}, nil
}

var errNotRegular = errors.New("not a regular file")

// translate maps a file system's error. An item that is no file counts as
// missing.
func translate(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotRegular),
		errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENXIO):
		return storage.NotExist(name, err)
	case errors.Is(err, fs.ErrPermission):
		return storage.Refused(err, "%q may not be read by the user this program runs as", name)
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "%q cannot be read; %s", name, oserr.Advice(err, ""))
}

// reader reads a range of one file.
type reader struct {
	ctx    context.Context
	file   *os.File
	name   string
	offset int64
	left   int64 // bytes that are left; negative: to the end
}

func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left > 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.file.ReadAt(p, r.offset)
	r.offset += int64(n)
	if r.left > 0 {
		r.left -= int64(n)
	}
	switch {
	case err == nil, n > 0 && err == io.EOF:
		return n, nil
	case err == io.EOF && r.left > 0:
		return n, storage.TooShort(r.name)
	case err == io.EOF:
		return n, io.EOF
	}
	return n, translate(r.name, err)
}

func (r *reader) Close() error { return r.file.Close() }
