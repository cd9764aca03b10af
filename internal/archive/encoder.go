package archive

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"syncline.dev/syncline"
)

// encoder writes items in a format. The bytes of a file follow its begin, as
// many as its size. Without close the archive has no end.
type encoder interface {
	io.Writer
	begin(x *item) error
	close() error
}

func newEncoder(f Format, w io.Writer) (encoder, error) {
	switch f {
	case Zip:
		return newZip(w), nil
	case Tar:
		return newTar(w, nil), nil
	case TarGzip:
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		return newTar(z, z), nil
	case TarZstd:
		// With one goroutine, nothing is left running when the client goes
		// away.
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return newTar(z, z), nil
	}
	return nil, fmt.Errorf("archive: format %q", f)
}

// rules say what a format can hold.
type rules struct {
	naming
	refuse func(*syncline.Entry) string // why an entry is left out; "" for none
	lacks  func(*syncline.Entry) string // what an entry loses
	links  bool                         // hard links
	items  int64

	attributes bool // extended attributes
}

func rulesOf(f Format, exact bool) *rules {
	if f == Zip {
		return &rules{naming: zipNaming(), refuse: refusedByZip, lacks: func(*syncline.Entry) string { return "" }, items: maxZipItems}
	}
	r := &rules{naming: exactNaming(), refuse: refusedByTar, lacks: lacksInTar, links: true, items: maxItems, attributes: true}
	if !exact {
		r.naming, r.refuse = tarNaming(), refusedByPlainTar
	}
	return r
}

func refusedByPlainTar(e *syncline.Entry) string {
	if opensDevice(e) {
		return aDevice
	}
	return refusedByTar(e)
}

func (r *rules) tooMany() error {
	also := ""
	if r.items < maxItems {
		also = ", or take a tar archive"
	}
	return syncline.Errorf(syncline.CodeTooLarge,
		"an archive of this kind takes no more than %d entries; choose folders further down%s", r.items, also)
}
