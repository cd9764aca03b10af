package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline/internal/storage"
)

// Memory is a storage in memory for tests. Its files must not change during
// use.
type Memory map[string][]byte

// List implements storage.Storage. It lists by name.
func (m Memory) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	if err := storage.CheckDir(dir); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if dir != "" && !strings.HasPrefix(name, dir+"/") {
			continue
		}
		if err := fn(name, int64(len(m[name]))); err != nil {
			return err
		}
	}
	return nil
}

// Open implements storage.Storage.
func (m Memory) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := errors.Join(storage.CheckName(name), storage.CheckOffset(offset), ctx.Err()); err != nil {
		return nil, err
	}
	content, ok := m[name]
	if !ok {
		return nil, storage.NotExist(name, fs.ErrNotExist)
	}
	content = content[min(offset, int64(len(content))):]
	short := int64(len(content)) < length
	if length >= 0 && !short {
		content = content[:length]
	}
	return &memoryReader{ctx: ctx, Reader: bytes.NewReader(content), short: short}, nil
}

type memoryReader struct {
	*bytes.Reader
	ctx   context.Context
	short bool
}

func (r *memoryReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	if err == io.EOF && r.short {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo hides bytes.Reader's method, which does not look at the context.
func (r *memoryReader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

func (r *memoryReader) Close() error { return nil }
