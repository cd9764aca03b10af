package objects

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Range returns the Range header for Open's offset and length, or "" for the
// whole file. The length must not be 0.
func Range(offset, length int64) string {
	switch {
	case offset == 0 && length < 0:
		return ""
	case length < 0:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// NewBody makes Open's reader from an answer's body. The reader returns exactly
// length bytes (all up to the end if length is negative) or an error. NewBody
// checks that the answer is for the requested range. Otherwise it closes the
// body and fails.
func NewBody(ctx context.Context, call *Call, body io.ReadCloser, name string, offset, length int64) (io.ReadCloser, error) {
	b := &fileBody{ctx: ctx, call: call, body: body, name: name}
	err := b.promise(offset, length)
	if call.Status() == http.StatusOK && b.isPage(offset) {
		err = storage.Stranger(syncline.CodeUnavailable, nil, "%s sent the page of a web site in place of %q; a proxy may have made it", call.host, name)
	}
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	return b, nil
}

// isPage reports whether the body is the page of a web site. Proxies also send
// pages with the status of a success. restic's encrypted files do not begin
// like a page.
func (b *fileBody) isPage(offset int64) bool {
	if offset > 0 {
		return strings.Contains(b.call.Header("Content-Type"), "text/html")
	}
	body := bufio.NewReaderSize(b.body, 64)
	start, _ := body.Peek(64) // an error repeats in the next read
	b.body = struct {
		io.Reader
		io.Closer
	}{body, b.body}
	start = bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// PastEnd makes Open's reader for an offset at which the storage has no byte.
func PastEnd(name string, length int64) io.ReadCloser {
	b := &fileBody{body: http.NoBody, name: name}
	if length > 0 {
		b.short = storage.TooShort(name)
	}
	return b
}

// Nothing makes Open's reader for a length of 0.
func Nothing() io.ReadCloser { return http.NoBody }

type fileBody struct {
	ctx   context.Context
	call  *Call
	body  io.ReadCloser
	name  string
	left  int64 // promised bytes that are left; negative: unknown
	short error // error after these bytes, for a file that ends too early
	err   error // final
}

// promise computes from the answer's headers how many bytes must come.
func (b *fileBody) promise(offset, length int64) error {
	b.left = -1
	total := int64(-1) // of the file; negative: unknown
	size, err := strconv.ParseInt(b.call.Header("Content-Length"), 10, 64)
	if err == nil {
		b.left = size
	}
	if b.call.Header("Content-Encoding") != "" && b.call.Header("Content-Encoding") != "aws-chunked" {
		return syncline.Errorf(syncline.CodeUnavailable, "the storage sent %q encoded as %q, which no range can be read from", b.name, b.call.Header("Content-Encoding"))
	}
	if b.call.Status() == http.StatusPartialContent {
		first, last, all, ok := parseContentRange(b.call.Header("Content-Range"))
		total = all
		if !ok || first != offset || b.left >= 0 && b.left != last-first+1 {
			return syncline.Errorf(syncline.CodeUnavailable, "the storage answered with another part of %q than was asked for", b.name)
		}
		b.left = last - first + 1
	} else if offset > 0 {
		return syncline.Errorf(syncline.CodeUnavailable, "the storage cannot read a part of %q: it ignores the range that was asked for", b.name)
	}
	if length >= 0 {
		switch {
		case b.left < 0 || b.left >= length:
		case total == offset+b.left:
			b.short = storage.TooShort(b.name)
		default:
			b.short = fmt.Errorf("%q is too short: %w", b.name, io.ErrUnexpectedEOF)
		}
		if b.left < 0 || b.left > length {
			b.left = length
		}
	}
	return nil
}

// parseContentRange reads "bytes 0-9/100". The total is negative for "*".
func parseContentRange(v string) (first, last, total int64, ok bool) {
	v, found := strings.CutPrefix(v, "bytes ")
	v, all, slash := strings.Cut(v, "/")
	a, z, dash := strings.Cut(v, "-")
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(z, 10, 64)
	total, err := strconv.ParseInt(all, 10, 64)
	if err != nil {
		total = -1
	}
	return first, last, total, found && slash && dash && err1 == nil && err2 == nil && first >= 0 && last >= first
}

// Read implements io.Reader.
func (b *fileBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left == 0 {
		b.err = io.EOF
		if b.short != nil {
			b.err = b.short
		}
		return 0, b.err
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	switch {
	case err == nil, err == io.EOF && b.left == 0:
		return n, nil
	case err == io.EOF && b.left < 0:
		b.err = err
	case err == io.EOF:
		b.err = networkError(b.call.host, io.ErrUnexpectedEOF)
	default:
		b.err = networkError(b.call.host, err)
	}
	if !errors.Is(b.err, io.EOF) && b.ctx.Err() != nil {
		b.err = b.ctx.Err()
	}
	return n, b.err
}

// Close implements io.Closer.
func (b *fileBody) Close() error {
	if b.err == nil {
		b.err = errors.New("read after close")
	}
	return b.body.Close()
}
