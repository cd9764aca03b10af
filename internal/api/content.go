package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/content"
)

// Contents opens the files in restore points. The contract is that of
// content.Service.
type Contents interface {
	Download(ctx context.Context, point syncline.RestorePoint, path string) (*content.Download, error)
}

// contents sends files and archives out of restore points.
type contents struct {
	points   pointGetter
	files    Contents
	archives Archives
	guard    *guard
	log      *slog.Logger
}

// GetRestorePointContent answers GET /v6/RestorePoints/{restorePointId}/Content.
func (h *contents) GetRestorePointContent(ctx context.Context, req v6.GetRestorePointContentRequestObject) (v6.GetRestorePointContentResponseObject, error) {
	return h.download(ctx, http.MethodGet, req.RestorePointID, req.Params.Path, req.Params.RawPath, v6.HeadRestorePointContentParams(req.Params))
}

// HeadRestorePointContent answers HEAD on the same path.
func (h *contents) HeadRestorePointContent(ctx context.Context, req v6.HeadRestorePointContentRequestObject) (v6.HeadRestorePointContentResponseObject, error) {
	return h.download(ctx, http.MethodHead, req.RestorePointID, req.Params.Path, req.Params.RawPath, req.Params)
}

func (h *contents) download(ctx context.Context, method string, id syncline.ID, path, rawPath *string, p v6.HeadRestorePointContentParams) (*download, error) {
	name, err := pathOf(path, rawPath)
	if err != nil {
		return nil, err
	}
	point, err := h.points.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	file, err := h.files.Download(ctx, point, name)
	if err != nil {
		return nil, err
	}
	d := &download{contents: h, ctx: ctx, method: method, file: file, ask: make(http.Header)}
	for name, value := range map[string]*string{
		"Range": p.Range, "If-Range": p.IfRange, "If-None-Match": p.IfNoneMatch,
	} {
		if value != nil {
			d.ask.Set(name, *value)
		}
	}
	if strings.Contains(d.ask.Get("Range"), ",") {
		d.ask.Del("Range") // several ranges at once: the whole file is a right answer
	}
	return d, nil
}

// download sends a file's bytes to one client. A failure after the first byte
// breaks the connection, so that the answer does not look complete.
type download struct {
	*contents
	ctx    context.Context //nolint:containedctx // the generated code passes none to the visit
	method string
	file   *content.Download
	ask    http.Header
	out    *response
	pos    int64
	status int
	err    error
}

// VisitGetRestorePointContentResponse sends the file.
func (d *download) VisitGetRestorePointContentResponse(w http.ResponseWriter) error {
	return d.send(w)
}

// VisitHeadRestorePointContentResponse sends the headers that GET would send.
func (d *download) VisitHeadRestorePointContentResponse(w http.ResponseWriter) error {
	return d.send(w)
}

func (d *download) send(w http.ResponseWriter) (err error) {
	defer func() { err = errors.Join(err, d.file.Close()) }()
	out, ok := w.(*response)
	if !ok {
		return fmt.Errorf("api: a download needs the api's own writer, got %T", w)
	}
	d.out = out
	var stop func()
	d.ctx, stop = d.guard.whileAllowed(d.ctx, out, mayRestore)
	defer stop()
	h := out.Header()
	attach(h, d.file.Entry.Name, "application/octet-stream")
	h.Set("ETag", `"`+d.file.ContentID()+`"`)
	req, err := http.NewRequestWithContext(d.ctx, d.method, "/", nil)
	if err != nil {
		return err
	}
	req.Header = d.ask
	http.ServeContent(d, req, "", d.file.Entry.ModTime, d)
	switch {
	case d.status == http.StatusRequestedRangeNotSatisfiable:
		h.Del("Content-Disposition")
		h.Del("ETag")
		h.Del("Last-Modified")
		writeFailure(out, d.status, fmt.Sprintf("the range lies outside of the file, which has %d bytes", d.file.Size()))
	case d.err != nil && !out.stream:
		return d.err
	case d.err != nil:
		d.log.LogAttrs(d.ctx, levelOf(d.ctx), "download broke off",
			slog.String("entry", d.file.Entry.Name), slog.Any("error", d.err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

// levelOf tells a client that went away from a failure of the server.
func levelOf(ctx context.Context) slog.Level {
	if ctx.Err() != nil {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// attach makes the answer a file to be saved, so that no browser shows or runs it.
func attach(h http.Header, name, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", attachment(name))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
}

// attachment names the file to be saved, without characters that turn text around or
// hide parts of a name.
func attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || r == '/' || r == '\\' || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, name)
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// Header implements http.ResponseWriter for http.ServeContent, which knows the
// rules of ranges and conditions.
func (d *download) Header() http.Header { return d.out.Header() }

// WriteHeader implements http.ResponseWriter.
func (d *download) WriteHeader(status int) {
	d.status = status
	if status == http.StatusOK || status == http.StatusPartialContent {
		if d.method == http.MethodHead {
			d.out.WriteHeader(status)
			d.out.startStream()
		}
		return // sent with the first byte, so that an earlier failure still has a status
	}
	if status == http.StatusNotModified {
		d.out.WriteHeader(status)
	}
}

// chunk is how many bytes a client must take within Config.WriteTimeout.
const chunk = 64 << 10

// Write implements http.ResponseWriter.
func (d *download) Write(b []byte) (total int, err error) {
	if d.status >= http.StatusBadRequest {
		return len(b), nil // the text of ServeContent's own failure
	}
	if !d.out.stream {
		d.out.WriteHeader(d.status)
		d.out.startStream()
	}
	return sendChunks(d.out, b)
}

// sendChunks writes to a client that may take Config.WriteTimeout for each chunk.
func sendChunks(out *response, b []byte) (total int, err error) {
	for len(b) > 0 {
		out.extend()
		n, err := out.Write(b[:min(len(b), chunk)])
		total += n
		if err != nil {
			return total, err
		}
		b = b[n:]
	}
	return total, nil
}

// ReadFrom implements io.ReaderFrom. io.CopyN calls it, so the length is known, and no
// byte behind it is fetched.
func (d *download) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok || limited.R != io.Reader(d) {
		d.err = fmt.Errorf("api: a download is read from %T", r)
		return 0, d.err
	}
	if limited.N == 0 {
		d.out.WriteHeader(d.status)
		d.out.startStream()
		return 0, nil
	}
	d.err = d.file.WriteRange(d.ctx, writerOnly{d}, d.pos, limited.N)
	return limited.N, d.err
}

type writerOnly struct{ io.Writer }

// Read implements io.ReadSeeker and is never called: ReadFrom sends the bytes.
func (d *download) Read([]byte) (int, error) {
	d.err = errors.New("api: a download is read past its writer")
	return 0, d.err
}

// Seek implements io.ReadSeeker.
func (d *download) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += d.pos
	case io.SeekEnd:
		offset += d.file.Size()
	}
	if offset < 0 || offset > d.file.Size() {
		return d.pos, errors.New("api: a download was positioned outside of its file")
	}
	d.pos = offset
	return offset, nil
}
