package archive

import (
	"context"
	"io"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
)

// Service makes archives of a server's restore points.
type Service struct {
	Contents *content.Service
}

// Download is an archive of a restore point, ready to be written. The caller
// closes it.
type Download struct {
	archive *Archive
	source  *content.OpenedSource
}

// tree is the Tree of a restore point.
type tree struct {
	contents *content.Service
	point    syncline.RestorePoint
}

func (t tree) View(ctx context.Context, fn func(*catalog.View) error) error {
	return t.contents.View(ctx, t.point, fn)
}

func (t tree) Root(v *catalog.View) (catalog.TreeRef, error) { return content.Root(v, t.point) }

// Open checks that the selected paths exist, and opens the repository. The
// errors are those of New and of content.Service.OpenSource.
func (s *Service) Open(ctx context.Context, point syncline.RestorePoint, o Options) (*Download, error) {
	if o.Time.IsZero() {
		o.Time = point.Snapshot.Time
	}
	a, err := New(ctx, tree{s.Contents, point}, o)
	if err != nil {
		return nil, err
	}
	source, err := s.Contents.OpenSource(ctx, point)
	if err != nil {
		return nil, err
	}
	return &Download{a, source}, nil
}

// Name is Archive.Name.
func (d *Download) Name() string { return d.archive.Name() }

// Write writes the archive. After an error the output is not complete.
func (d *Download) Write(ctx context.Context, w io.Writer) error {
	return d.archive.Write(ctx, w, &d.source.Source)
}

// Close releases the repository.
func (d *Download) Close() error { return d.source.Close() }
