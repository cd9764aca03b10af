package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"syncline.dev/syncline"
)

// ErrChanged is a download that broke off and cannot go on, because the file is
// another one now.
var ErrChanged = errors.New("the file changed on the server while it was downloaded; begin again")

// Download is a file's content. It goes on by itself where a connection broke
// off. Read ends with io.EOF only when all of it has come; every piece was
// compared with its hash by the server.
type Download struct {
	Size int64  // of the whole file, in bytes
	ETag string // the same for the same content

	ctx      context.Context //nolint:containedctx // an io.Reader's Read is given none
	client   *Client
	path     string
	query    url.Values
	pos, end int64
	body     io.ReadCloser // nil where it broke off
	failures int           // in a row
}

// Content opens a file in a restore point.
func (c *Client) Content(ctx context.Context, point syncline.ID, path string) (*Download, error) {
	return c.ContentRange(ctx, point, path, 0, -1)
}

// ContentRange opens a part of a file: length bytes from offset on, or all that
// follow when length is negative. A range that begins behind the file's end is
// refused with status 416.
func (c *Client) ContentRange(ctx context.Context, point syncline.ID, path string, offset, length int64) (*Download, error) {
	if offset < 0 {
		return nil, fmt.Errorf("a file has no byte %d", offset)
	}
	d := &Download{ctx: ctx, client: c, path: under(points, point, "Content"), query: url.Values{}, pos: offset, end: -1}
	setPath(d.query, path)
	if length == 0 {
		length = 1 // a range cannot be empty; what comes is not read
		defer func() { d.end = d.pos }()
	}
	if length > 0 {
		d.end = offset + length
	}
	return d, d.open()
}

// open asks for what is left.
func (d *Download) open() error {
	header := http.Header{"Accept-Encoding": {"identity"}}
	ranged := d.pos > 0 || d.end >= 0
	if ranged {
		last := ""
		if d.end >= 0 {
			last = strconv.FormatInt(d.end-1, 10)
		}
		header.Set("Range", fmt.Sprintf("bytes=%d-%s", d.pos, last))
	}
	if d.ETag != "" {
		header.Set("If-Range", d.ETag)
	}
	res, err := d.client.do(d.ctx, call{method: http.MethodGet, path: d.path, query: d.query, header: header})
	if err != nil {
		return err
	}
	size, end, err := d.extent(res, ranged)
	switch {
	case err != nil:
	case d.ETag != "" && (res.Header.Get("ETag") != d.ETag || size != d.Size):
		err = ErrChanged
	default:
		d.Size, d.end, d.ETag = size, end, res.Header.Get("ETag")
		d.body = res.Body
		return nil
	}
	return errors.Join(err, res.Body.Close())
}

// extent reads how long the file is and where the answer ends.
func (d *Download) extent(res *http.Response, ranged bool) (size, end int64, err error) {
	if !ranged {
		if res.ContentLength < 0 {
			return 0, 0, errors.New("the server does not say how long the file is")
		}
		return res.ContentLength, res.ContentLength, nil
	}
	if res.StatusCode != http.StatusPartialContent {
		return 0, 0, ErrChanged
	}
	var first, last int64
	if _, err := fmt.Sscanf(strings.TrimSpace(res.Header.Get("Content-Range")), "bytes %d-%d/%d", &first, &last, &size); err != nil || first != d.pos || last < first || last >= size {
		return 0, 0, fmt.Errorf("the server sends another range (%.60q) than was asked for", res.Header.Get("Content-Range"))
	}
	return size, last + 1, nil
}

// Read implements io.Reader.
func (d *Download) Read(b []byte) (int, error) {
	for {
		if d.pos >= d.end {
			return 0, io.EOF
		}
		if d.body == nil {
			if err := d.resume(); err != nil {
				return 0, err
			}
			continue
		}
		if left := d.end - d.pos; int64(len(b)) > left {
			b = b[:left]
		}
		n, err := d.body.Read(b)
		d.pos += int64(n)
		if n > 0 {
			d.failures = 0
		}
		if err != nil {
			d.body.Close()
			d.body = nil
		}
		if n > 0 || len(b) == 0 {
			return n, nil
		}
	}
}

// resume continues where the connection broke off. It tries a few connections,
// and takes the server's refusal as final.
func (d *Download) resume() error {
	for {
		if d.failures++; d.failures > maxReconnects {
			return &UnreachableError{Address: d.client.base, Err: io.ErrUnexpectedEOF}
		}
		if d.failures > 1 {
			if err := wait(d.ctx, reconnectAfter<<d.failures/4); err != nil {
				return err
			}
		}
		err := d.open()
		var gone *UnreachableError
		if !errors.As(err, &gone) {
			return err
		}
	}
}

// Close ends the download.
func (d *Download) Close() error {
	d.end = d.pos
	if d.body == nil {
		return nil
	}
	err := d.body.Close()
	d.body = nil
	return err
}
