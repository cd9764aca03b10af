package server

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/demorepo"
)

// ShowDemo attaches the demo repository at a path and waits for the end of its
// first session.
func (s *Server) ShowDemo(ctx context.Context, path string) error {
	session, err := s.attachDemo(ctx, path)
	if err != nil {
		return err
	}
	return s.waitFor(ctx, session)
}

// attachDemo attaches the repository and starts its first session.
func (s *Server) attachDemo(ctx context.Context, path string) (syncline.ID, error) {
	key := syncline.EncryptionKey{ID: newID(), Description: "Password of the demo repository", CreatedAt: time.Now()}
	sealed, err := sealer{s.box}.Seal(key.ID, []byte(demorepo.Password))
	if err != nil {
		return "", err
	}
	if err := s.store.AddKey(ctx, key, sealed); err != nil {
		return "", err
	}
	repository := syncline.Repository{
		ID: newID(), Name: "Demo", Description: "A small project's history, made by restic", Path: path,
		EncryptionKeyID: key.ID, Retention: syncline.Retention{Type: "SnapshotBased"},
		OutOfSync: true, CreatedAt: time.Now(),
	}
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
