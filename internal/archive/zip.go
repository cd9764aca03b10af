package archive

import (
	"archive/zip"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/flate"

	"syncline.dev/syncline"
)

type zipEncoder struct {
	w       *zip.Writer
	current io.Writer
	deflate *flate.Writer // reused for each file
}

func newZip(w io.Writer) *zipEncoder {
	z := &zipEncoder{w: zip.NewWriter(w)}
	z.w.RegisterCompressor(zip.Deflate, z.compress)
	return z
}

// compress is fast, and stores blocks that do not become smaller.
func (z *zipEncoder) compress(w io.Writer) (_ io.WriteCloser, err error) {
	if z.deflate == nil {
		z.deflate, err = flate.NewWriter(w, flate.BestSpeed)
		return z.deflate, err
	}
	z.deflate.Reset(w)
	return z.deflate, nil
}

// refusedByZip returns why a zip archive cannot have an entry.
func refusedByZip(e *syncline.Entry) string {
	switch e.Type {
	case syncline.TypeFile, syncline.TypeDir:
		return ""
	case syncline.TypeSymlink:
		return refusedByTar(e)
	case syncline.TypeDevice, syncline.TypeCharDev:
		return fmt.Sprintf("a zip archive cannot hold what is of type %s; an exact tar archive can", e.Type)
	case syncline.TypeFifo:
		return fmt.Sprintf("a zip archive cannot hold what is of type %s; a tar archive can", e.Type)
	}
	return refusedByTar(e)
}

// The times that zip's fields can hold.
var (
	firstTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC)
)

func (z *zipEncoder) begin(x *item) (err error) {
	e := x.entry
	h := &zip.FileHeader{Name: x.name, Modified: e.ModTime.UTC(), Method: zip.Store}
	if h.Modified.Before(firstTime) {
		h.Modified = firstTime
	} else if h.Modified.After(lastTime) {
		h.Modified = lastTime
	}
	h.SetMode(e.Mode)
	if e.Type == syncline.TypeFile {
		h.Method = zip.Deflate
	}
	if z.current, err = z.w.CreateHeader(h); err != nil {
		return err
	}
	if e.Type == syncline.TypeSymlink {
		_, err = io.WriteString(z.current, e.LinkTarget)
	}
	return err
}

func (z *zipEncoder) Write(b []byte) (int, error) { return z.current.Write(b) }

func (z *zipEncoder) close() error { return z.w.Close() }
