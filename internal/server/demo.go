package server

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/demorepo"
)

// demoSpeed is how fast the copy of the demo repository is read, in bytes per
// second. Its first session then takes about a minute.
const demoSpeed = 1 << 10

// ShowDemo attaches the demo repository at a path and waits for the end of its
// first session. It then attaches the copy at another path, which is read
// slowly so that the progress of its first session can be watched.
func (s *Server) ShowDemo(ctx context.Context, path, another string) error {
	session, err := s.attachDemo(ctx, syncline.Repository{
		ID: newID(), Name: "Demo", Description: "A small project's history, made by restic, with its dates moved to now", Path: path,
	})
	if err != nil {
		return err
	}
	if err := s.waitFor(ctx, session); err != nil {
		return err
	}
	slow := syncline.Repository{ID: newID(), Name: "Demo, slowly", Description: "A copy of it, read at 1 KiB a second", Path: another}
	s.source.slow.down(slow.ID, demoSpeed)
	_, err = s.attachDemo(ctx, slow)
	return err
}

// attachDemo attaches a repository that the demo's password opens, and starts
// its first session.
func (s *Server) attachDemo(ctx context.Context, repository syncline.Repository) (syncline.ID, error) {
	key := syncline.EncryptionKey{ID: newID(), Description: "Password of the demo repository", CreatedAt: time.Now()}
	sealed, err := sealer{s.box}.Seal(key.ID, []byte(demorepo.Password))
	if err != nil {
		return "", err
	}
	if err := s.store.AddKey(ctx, key, sealed); err != nil {
		return "", err
	}
	repository.EncryptionKeyID, repository.Retention = key.ID, syncline.Retention{Type: "SnapshotBased"}
	repository.OutOfSync, repository.CreatedAt = true, time.Now()
	if err := s.store.AddRepository(ctx, repository); err != nil {
		return "", err
	}
	session, err := s.service.Start(ctx, repository.ID)
	return session.ID, err
}

// waitFor waits for the end of a session.
func (s *Server) waitFor(ctx context.Context, id syncline.ID) error {
	session, err := s.service.Wait(ctx, id)
	if err == nil && session.State == syncline.WorkFailed {
		err = syncline.Errorf(syncline.CodeInternal, "the demo repository could not be synchronized: %s", session.Error)
	}
	return err
}
