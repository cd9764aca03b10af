// Package local reads a repository in a local folder. No name and no link leads
// it out of that folder. It does not know what the files mean.
//
// The folder may lie on a file system of another machine that hangs. Package mounts
// then lets the caller go, and every call ends with its context.
package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/mounts"
	"syncline.dev/syncline/internal/oserr"
	"syncline.dev/syncline/internal/storage"
)

// Storage is a folder; it implements storage.Storage.
type Storage struct {
	root *os.Root
	gate *mounts.Gate // nil for a disk of this machine
}

var _ storage.Storage = (*Storage)(nil)

// Open opens the folder at path, which must be absolute. A missing folder
// matches fs.ErrNotExist.
func Open(ctx context.Context, path string) (*Storage, error) {
	if !filepath.IsAbs(path) {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the repository's path %q is not absolute; write it from the root of the file system", path)
	}
	within, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	s, err := open(within, path)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = syncline.WrapError(syncline.CodeUnavailable, err, "the folder %q did not answer within %s; check that its file system is mounted, and that the server of the file system runs", path, openTime)
	}
	return s, retried(err)
}

// openTime bounds the opening of a folder. Later calls end with their contexts alone,
// which the retries of package storage bound.
const openTime = 30 * time.Second

func open(ctx context.Context, path string) (*Storage, error) {
	gate, err := mounts.For(ctx, path)
	if err != nil {
		return nil, err
	}
	root, err := mounts.Do(ctx, gate, closeRoot, func() (*os.Root, error) { return openRoot(path) })
	if err != nil {
		gate.Release()
		return nil, err
	}
	return &Storage{root, gate}, nil
}

func closeRoot(r *os.Root) { _ = r.Close() }

// retried marks the error of a file system that hangs as one to try again.
func retried(err error) error {
	if mounts.IsHanging(err) {
		return &storage.RequestError{Err: err, Retryable: true}
	}
	return err
}

func openRoot(path string) (*os.Root, error) {
	// Opening a named pipe would wait for its writer.
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return nil, syncline.Errorf(syncline.CodeNoRepository, "%q is not a folder", path)
	}
	root, err := os.OpenRoot(path)
	switch {
	case err == nil:
		return root, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, syncline.WrapError(syncline.CodeNoRepository, err, "the folder %q does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, storage.Refused(err, "the folder %q may not be read by the user this program runs as", path)
	}
	return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the folder %q cannot be opened; %s", path, oserr.Advice(err, ""))
}

// Close releases the folder. Files that are open stay readable.
func (s *Storage) Close() (err error) {
	if s.gate == nil {
		return s.root.Close()
	}
	s.gate.Forget(func() { closeRoot(s.root) })
	s.gate.Release()
	return nil
}

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
	f, err := mounts.Do(ctx, s.gate, closeFile, func() (*os.File, error) { return s.openFile(name) })
	if err != nil {
		return nil, retried(err)
	}
	r := &reader{ctx: ctx, file: f, name: name, offset: offset, left: length}
	if s.gate == nil {
		return r, nil
	}
	return &farReader{reader: r, gate: s.gate}, nil
}

func closeFile(f *os.File) { _ = f.Close() }

func (s *Storage) openFile(name string) (*os.File, error) {
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
	return f, nil
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
	return r.took(n, err)
}

// took counts the bytes of a read, and returns its result.
func (r *reader) took(n int, err error) (int, error) {
	r.offset += int64(n)
	if r.left > 0 {
		r.left -= int64(n)
	}
	switch {
	case err == nil, n > 0 && errors.Is(err, io.EOF):
		return n, nil
	case errors.Is(err, io.EOF) && r.left > 0:
		return n, storage.TooShort(r.name)
	case errors.Is(err, io.EOF):
		return n, io.EOF
	}
	return n, translate(r.name, err)
}

func (r *reader) Close() error { return r.file.Close() }
