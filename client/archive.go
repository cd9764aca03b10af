package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"syncline.dev/syncline"
)

// ErrBrokenOff is an archive that ended early: what came of it is not all.
var ErrBrokenOff = errors.New("the server broke the archive off, as it does when the repository is damaged; its log tells why")

// The formats of archives.
const (
	Zip    = "zip"
	Tar    = "tar"
	TarGz  = "tar.gz"
	TarZst = "tar.zst"
)

// ArchiveQuery says what is wanted in an archive, and how.
type ArchiveQuery struct {
	Format string   // "" for Zip
	Paths  []string // absolute, each with all below it; at most 1,000, none for all there is
	// Exact keeps devices, set-user-ID and set-group-ID bits, the system's
	// attributes, and in a tar archive the names as they are: for programs that
	// check what they unpack.
	Exact bool
}

// Archive downloads files and folders as one archive, in which names begin below
// the deepest folder that holds all Paths. Reading it ends with io.EOF only when
// all of it has come; an archive that breaks off is ErrBrokenOff, and cannot go
// on. It must be closed.
func (c *Client) Archive(ctx context.Context, point syncline.ID, query ArchiveQuery) (io.ReadCloser, error) {
	q := url.Values{}
	set(q, "format", query.Format)
	if query.Exact {
		q.Set("exact", "true")
	}
	for _, path := range query.Paths {
		if utf8.ValidString(path) {
			q.Add("path", path)
		} else {
			q.Add("rawPath", base64.RawURLEncoding.EncodeToString([]byte(path)))
		}
	}
	res, err := c.do(ctx, call{ //nolint:bodyclose // whoever reads the archive closes it
		method: http.MethodGet, path: under(points, point, "Archive"), query: q, header: http.Header{"Accept-Encoding": {"identity"}},
	})
	if err != nil {
		return nil, err
	}
	return &archiveBody{res.Body, ctx}, nil
}

type archiveBody struct {
	io.ReadCloser
	ctx context.Context //nolint:containedctx // an io.Reader's Read is given none
}

func (a *archiveBody) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case a.ctx.Err() != nil:
		return n, a.ctx.Err()
	}
	return n, fmt.Errorf("%w (%w)", ErrBrokenOff, err)
}
