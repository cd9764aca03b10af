package traces

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"syncline.dev/syncline/internal/storage"
)

// Storage adds a span to each call of a storage. The span of an opened file ends when
// the file is closed, with the bytes that were read.
func (t *Traces) Storage(s storage.Storage) storage.Storage {
	if t == nil {
		return s
	}
	return &traced{s, t.tracer}
}

type traced struct {
	storage storage.Storage
	tracer  trace.Tracer
}

// List implements storage.Storage.
func (s *traced) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	ctx, span := s.begin(ctx, "list", dir)
	defer span.End()
	files := 0
	err := s.storage.List(ctx, dir, func(name string, size int64) error {
		files++
		return fn(name, size)
	})
	span.SetAttributes(attribute.Int("syncline.storage.files", files))
	end(span, err)
	return err
}

// Open implements storage.Storage.
func (s *traced) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	ctx, span := s.begin(ctx, "get", name)
	r, err := s.storage.Open(ctx, name, offset, length)
	if err != nil {
		end(span, err)
		span.End()
		return nil, err
	}
	return &tracedReader{ReadCloser: r, span: span}, nil
}

// begin names the span by the first element of a name alone, as in "get data".
func (s *traced) begin(ctx context.Context, verb, name string) (context.Context, trace.Span) {
	kind := verb
	if first, _, _ := strings.Cut(name, "/"); first != "" {
		kind += " " + first
	}
	return s.tracer.Start(ctx, kind, trace.WithSpanKind(trace.SpanKindClient))
}

// end marks a failed call. A missing file is an ordinary answer.
func end(span trace.Span, err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fail(span, err)
	}
}

type tracedReader struct {
	io.ReadCloser
	span  trace.Span
	bytes int64
	once  sync.Once
}

// Read implements io.Reader.
func (r *tracedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.bytes += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		fail(r.span, err)
	}
	return n, err
}

// Close implements io.Closer.
func (r *tracedReader) Close() error {
	err := r.ReadCloser.Close()
	r.once.Do(func() {
		r.span.SetAttributes(attribute.Int64("syncline.storage.bytes", r.bytes))
		r.span.End()
	})
	return err
}
