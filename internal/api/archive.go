package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/archive"
)

// Archives makes archives of restore points. The contract is that of
// archive.Service.
type Archives interface {
	Open(ctx context.Context, point syncline.RestorePoint, o archive.Options) (*archive.Download, error)
}

// GetRestorePointArchive answers GET /v6/RestorePoints/{restorePointId}/Archive.
func (h *contents) GetRestorePointArchive(ctx context.Context, req v6.GetRestorePointArchiveRequestObject) (v6.GetRestorePointArchiveResponseObject, error) {
	o := archive.Options{Format: archive.Zip, Exact: deref(req.Params.Exact)}
	if f := req.Params.Format; f != nil {
		o.Format = archive.Format(*f)
	}
	for _, p := range deref(req.Params.Path) {
		path, err := pathOf(&p, nil)
		if err != nil {
			return nil, err
		}
		o.Paths = append(o.Paths, path)
	}
	for _, p := range deref(req.Params.RawPath) {
		path, err := pathOf(nil, &p)
		if err != nil {
			return nil, err
		}
		o.Paths = append(o.Paths, path)
	}
	point, err := h.points.Get(ctx, req.RestorePointID)
	if err != nil {
		return nil, err
	}
	download, err := h.archives.Open(ctx, point, o)
	if err != nil {
		return nil, err
	}
	return &archiveAnswer{contents: h, ctx: ctx, point: point, format: o.Format, download: download}, nil
}

// archiveAnswer sends an archive to one client. A failure after the first byte
// breaks the connection.
type archiveAnswer struct {
	*contents
	ctx      context.Context //nolint:containedctx // the generated code passes none to the visit
	point    syncline.RestorePoint
	format   archive.Format
	download *archive.Download
	out      *response
}

// VisitGetRestorePointArchiveResponse sends the archive.
func (d *archiveAnswer) VisitGetRestorePointArchiveResponse(w http.ResponseWriter) (err error) {
	defer func() { err = errors.Join(err, d.download.Close()) }()
	out, ok := w.(*response)
	if !ok {
		return fmt.Errorf("api: a download needs the api's own writer, got %T", w)
	}
	d.out = out
	var stop func()
	d.ctx, stop = d.guard.whileAllowed(d.ctx, out, mayRestore)
	defer stop()
	if out.head {
		d.begin()
		return nil
	}
	err = d.download.Write(d.ctx, d)
	if err != nil && out.stream {
		d.log.LogAttrs(d.ctx, levelOf(d.ctx), "archive broke off",
			slog.String("restorePoint", string(d.point.ID)), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
	return err
}

// Write implements io.Writer. The headers go out with the first bytes, so that an
// earlier failure still has a status and a message.
func (d *archiveAnswer) Write(b []byte) (int, error) {
	if !d.out.stream {
		d.begin()
	}
	return sendChunks(d.out, b)
}

// begin sends the headers.
func (d *archiveAnswer) begin() {
	attach(d.out.Header(), d.fileName(), d.format.MediaType())
	d.out.startStream()
}

func (d *archiveAnswer) fileName() string {
	name := d.download.Name()
	if name == "" {
		name = d.point.Snapshot.Hostname + d.point.Snapshot.Time.UTC().Format("-20060102-150405")
	}
	return name + "." + string(d.format)
}
