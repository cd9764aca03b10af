package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// maxConfig bounds the file "config", which has some hundred bytes.
const maxConfig = 1 << 20

// openConfig reads the whole file and returns a part of it, because servers
// ignore the range of a request for this file.
func (s *Storage) openConfig(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	callCtx, call := objects.File(ctx)
	resp, err := s.do(callCtx, call, http.MethodGet, "config", "")
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, s.failed(ctx, call, "config")
	}
	body, err := objects.NewBody(ctx, call, resp.Body, "config", 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxConfig+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxConfig:
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the REST server at %s answers with more for the file config than a repository's has; check the address", s.name)
	}
	return part(ctx, content, offset, length), nil
}

// part returns a reader of a part of the file "config".
func part(ctx context.Context, content []byte, offset, length int64) io.ReadCloser {
	content = content[min(offset, int64(len(content))):]
	var short error
	if length >= 0 && int64(len(content)) < length {
		short = storage.TooShort("config")
	} else if length >= 0 {
		content = content[:length]
	}
	return &partReader{ctx: ctx, content: bytes.NewReader(content), short: short}
}

type partReader struct {
	ctx     context.Context
	content *bytes.Reader
	short   error // at the end, for a file that ends too early
}

func (r *partReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.content.Read(p)
	if err == io.EOF && r.short != nil {
		err = r.short
	}
	return n, err
}

func (r *partReader) Close() error { return nil }

// isPastEnd reports whether an answer says that the file has no byte at the
// offset. rclone says so with an empty part.
func isPastEnd(call *objects.Call, offset int64) bool {
	_, total, found := strings.Cut(call.Header("Content-Range"), "/")
	size, err := strconv.ParseInt(total, 10, 64)
	return found && err == nil && size <= offset
}
