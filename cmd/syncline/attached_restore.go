package main

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/restore"
)

func (e served) restore(ctx context.Context, f *restoreFlags, reference string) error {
	if f.delete || f.dryRun || e.verbose > 1 {
		return usageError("with --server, restore takes neither --delete nor --dry-run nor -vv")
	}
	return e.repository(ctx, func(r *attachedRepository) error {
		s, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		point, snapshot, folder, err := s.one(&f.filter, reference)
		if err != nil {
			return err
		}
		query := client.ArchiveQuery{Format: client.Tar, Exact: true}
		if folder != "" {
			x, err := r.client.Entry(ctx, point, folder)
			if err == nil && !x.IsDir() || client.StatusOf(err) == 404 {
				return syncline.Errorf(syncline.CodeNotFound, "%q is not a folder of snapshot %s", folder, snapshot.ID.Short())
			}
			if err != nil {
				return err
			}
			query.Paths = []string{folder}
		}
		body, err := r.client.Archive(ctx, point, query)
		if err != nil {
			return err
		}
		stream := &archiveStream{Reader: archive.NewReader(body), client: r.client, point: point, folder: folder}
		shown := newRestoreView(e.environment)
		shown.stream = true
		err = f.run(shown, &snapshot, func(o restore.Options) (restore.Result, error) {
			result, err := restore.Unpack(ctx, stream, f.target, o)
			return result, brokenOff(err)
		})
		return errors.Join(err, body.Close())
	})
}

// brokenOff says what to do about a stream that ended early.
func brokenOff(err error) error {
	if errors.Is(err, client.ErrBrokenOff) || errors.Is(err, io.ErrUnexpectedEOF) {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the server broke the restore off. Run the same again: what is right already stays. "+
			"When it ends like this each time the repository is damaged, and the server's log tells where; a restore from the repository itself passes over what is damaged")
	}
	return err
}

// archiveStream is a server's archive as package restore wants it: paths begin
// below the folder that is restored.
type archiveStream struct {
	*archive.Reader
	client *client.Client
	point  syncline.ID
	folder string // "" for the root
}

// Next implements restore.Stream.
func (s *archiveStream) Next() (*restore.Item, error) {
	for {
		x, err := s.Reader.Next()
		if err != nil {
			return nil, err
		}
		if x.Entry == nil {
			return s.note(x), nil
		}
		if s.folder != "" && x.Name == path.Base(s.folder) {
			continue // what is restored is below it
		}
		name, ok := s.below(x.Name)
		first, firstOK := s.below(x.First)
		if !ok || x.First != "" && !firstOK {
			return nil, syncline.Errorf(syncline.CodeDamaged, "the server sent %q, which is not in the folder that was asked for", x.Name)
		}
		return &restore.Item{Path: name, Entry: x.Entry, First: first, Size: x.Size}, nil
	}
}

// below turns a name in the archive, where names begin with the folder's own.
func (s *archiveStream) below(name string) (string, bool) {
	if s.folder == "" {
		return name, true
	}
	return strings.CutPrefix(name, path.Base(s.folder)+"/")
}

func (s *archiveStream) note(x *archive.Item) *restore.Item {
	at := strings.TrimPrefix(strings.TrimPrefix(x.Name, s.folder), "/")
	if x.Socket {
		return &restore.Item{Path: at, Entry: &syncline.Entry{Name: path.Base(at), Type: syncline.TypeSocket}}
	}
	if x.Renamed {
		return &restore.Item{Path: at, Note: restore.Renamed, Detail: x.Note}
	}
	return &restore.Item{Path: at, Err: syncline.Errorf(syncline.CodeDamaged, "the server says of it: %s", x.Note)}
}

// Open implements restore.Stream.
func (s *archiveStream) Open(ctx context.Context, path string) (io.ReadCloser, int64, error) {
	d, err := s.client.Content(ctx, s.point, s.folder+"/"+path)
	if err != nil {
		return nil, 0, err
	}
	return d, d.Size, nil
}
