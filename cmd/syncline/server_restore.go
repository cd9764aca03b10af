package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/restore"
)

func (r *serverRepository) restore(ctx context.Context, at snapshotFolder, target string) (func(restore.Options) (restore.Result, error), error) {
	point := r.point(&at.snapshot)
	query := client.ArchiveQuery{Format: client.Tar, Exact: true}
	if at.folder != "" {
		x, err := r.client.Entry(ctx, point, at.folder)
		if err == nil && !x.IsDir() || client.StatusOf(err) == http.StatusNotFound {
			return nil, noSuchFolder(at)
		}
		if err != nil {
			return nil, err
		}
		query.Paths = []string{at.folder}
	}
	body, err := r.client.Archive(ctx, point, query)
	if err != nil {
		return nil, err
	}
	return func(o restore.Options) (restore.Result, error) {
		stream := &archiveStream{Reader: archive.NewReader(body), client: r.client, point: point, folder: at.folder}
		result, err := restore.Unpack(ctx, stream, target, o)
		return result, errors.Join(brokenOff(err), body.Close())
	}, nil
}

// brokenOff adds the remedy to the error of a stream that ended early.
func brokenOff(err error) error {
	if errors.Is(err, client.ErrBrokenOff) || errors.Is(err, io.ErrUnexpectedEOF) {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the server broke the restore off. Run the same again: what is right already stays. "+
			"When it ends like this each time the repository is damaged, and the server's log tells where; a restore from the repository itself passes over what is damaged")
	}
	return err
}

// archiveStream is a server's archive in the form of package restore: paths begin
// below the restored folder.
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
			continue // only its content is restored
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
