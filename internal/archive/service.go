package archive

import (
	"context"
	"io"

	"syncline.dev/syncline"
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

// Open checks that the selected paths exist, and opens the repository. The
// errors are those of New and of content.Service.OpenSource.
func (s *Service) Open(ctx context.Context, point syncline.RestorePoint, o Options) (*Download, error) {
	if o.Time.IsZero() {
		o.Time = point.Snapshot.Time
	}
	tree := s.Contents.Tree(point)
	a, err := New(ctx, tree, o)
	if err != nil {
		return nil, err
	}
	a.tree = tree.Patient() // what has begun outlasts a restart of the database
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
