package api

import (
	"context"
	"errors"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// starter starts sessions.
type starter interface {
	Start(ctx context.Context, repository syncline.ID) (syncline.Session, error)
}

// tryOpening opens the repository and returns the id in its config. Its error names the
// field that is to blame.
func (h *repositories) tryOpening(ctx context.Context, r syncline.Repository, nodes fleet) (resticID string, err error) {
	if err := nodes.hasFolder(r); err != nil {
		return "", err
	}
	password, err := h.keys.password(ctx, r.EncryptionKeyID)
	if err != nil {
		return "", err
	}
	field := "path"
	if r.ObjectStorageID != "" {
		field = "objectStorageId"
	}
	at, err := h.openPlace(ctx, r)
	if err != nil {
		return "", err
	}
	resticID, err = h.synchronizer.Check(ctx, at, password)
	switch code := codeOfTry(err); code {
	case "":
		return resticID, nil
	case syncline.CodeWrongPassword:
		return "", syncline.WrapError(code, err, "encryptionKeyId: %s", syncline.MessageOf(err))
	case syncline.CodeUnavailable:
		if elsewhere := nodes.here(r.NodeID, "what serves the repository"); elsewhere != nil {
			err = errors.Join(elsewhere, err)
			return "", syncline.WrapError(syncline.CodeConflict, err, "%s: it cannot be reached from this server, and it is bound to another: %s", field, syncline.MessageOf(elsewhere))
		}
		return "", syncline.WrapError(code, err, "%s: %s", field, syncline.MessageOf(err))
	case syncline.CodeNoRepository, syncline.CodeUnsupported, syncline.CodeDamaged, syncline.CodeInvalid:
		return "", syncline.WrapError(code, err, "%s: %s", field, syncline.MessageOf(err))
	}
	return "", err
}

// openPlace returns the place of a repository with all that opens it.
func (h *repositories) openPlace(ctx context.Context, r syncline.Repository) (place.Place, error) {
	if r.ObjectStorageID == "" {
		return place.Place{Path: r.Path}, nil
	}
	return h.placeInStorage(ctx, r.ObjectStorageID)
}

// placeInStorage returns an object storage with its access.
func (h *repositories) placeInStorage(ctx context.Context, id syncline.ID) (place.Place, error) {
	s, err := h.storages.ObjectStorage(ctx, id)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return place.Place{}, invalid("objectStorageId names no object storage; add it with POST /v6/objectstoragerepositories first")
	}
	if err != nil {
		return place.Place{}, err
	}
	by, err := h.accounts.access(ctx, s.AccountID)
	return place.Place{Storage: s, Access: by}, err
}

// attach records a new repository, unless its place is attached already. It returns all
// repositories.
func (h *repositories) attach(ctx context.Context, r syncline.Repository) ([]syncline.Repository, error) {
	ctx, unlock, err := h.attaching.Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	all, err := h.known.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.refuseTaken(ctx, all, r); err != nil {
		return nil, err
	}
	return append(all, r), h.store.AddRepository(ctx, r)
}

// change records a changed repository. Another place or key is tried first, and so is
// another node's folder. The session that runs while the place or the node changes is stopped, and a new one goes on with its
// work.
func (h *repositories) change(ctx context.Context, old, r syncline.Repository, nodes fleet) error {
	moved := r.Path != old.Path || r.ObjectStorageID != old.ObjectStorageID
	// A node that alone is to serve it may be shown already, while another one works on it.
	handed := nodes.serving(r) != nodes.serving(old) || r.NodeID != "" && r.NodeID != old.NodeID
	if moved || r.EncryptionKeyID != old.EncryptionKeyID || handed && r.Path != "" {
		there, err := h.tryOpening(ctx, r, nodes)
		if err != nil {
			return err
		}
		if err := sameRepository(old, there); err != nil {
			return err
		}
		r.ResticID = there
	}
	outside := ctx
	ctx, unlock, err := h.attaching.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := h.known.Repositories(ctx)
	if err != nil {
		return err
	}
	if err := unchanged(old, all); err != nil {
		return err
	}
	if !moved && !handed {
		return h.store.UpdateRepository(ctx, r)
	}
	if err := h.refuseTaken(ctx, all, r); err != nil {
		return err
	}
	stopped, err := h.synchronizer.Hold(ctx, r.ID, func(ctx context.Context) error {
		if moved { // first: nobody sees the other place beside a repository in sync
			if err := h.store.SetOutOfSync(ctx, r.ID, true); err != nil {
				return err
			}
		}
		return h.store.UpdateRepository(ctx, r)
	})
	if stopped {
		_, started := h.starter.Start(outside, r.ID)
		err = errors.Join(err, started)
	}
	return err
}

// unchanged fails when another request has moved a repository, or declared it, after it
// was read. Its change would be lost.
func unchanged(read syncline.Repository, all []syncline.Repository) error {
	for _, r := range all {
		if r.ID != read.ID {
			continue
		}
		if r.Path != read.Path || r.ObjectStorageID != read.ObjectStorageID || r.EncryptionKeyID != read.EncryptionKeyID || r.NodeID != read.NodeID || r.ManagedBy != read.ManagedBy {
			return syncline.Errorf(syncline.CodeConflict, "another request changed the repository %q meanwhile; look at it and send the change again", r.Name)
		}
	}
	return nil
}

// sameRepository fails when the id in a config is another one than that of an attached
// repository.
func sameRepository(r syncline.Repository, there string) error {
	if r.ResticID == "" || r.ResticID == there {
		return nil
	}
	return syncline.Errorf(syncline.CodeConflict,
		"another repository lies there: its id is %.8s, and that of %q is %.8s; attach it as a new one instead", there, r.Name, r.ResticID)
}

// refuseTaken fails when another repository is attached at the place of r. One place
// holds one repository, so that only those with the same id in their config are looked
// at closely.
func (h *repositories) refuseTaken(ctx context.Context, all []syncline.Repository, r syncline.Repository) error {
	at, err := h.knownPlace(ctx, r)
	if err != nil {
		return err
	}
	return h.refuseTakenAt(ctx, all, r, at)
}

func (h *repositories) refuseTakenAt(ctx context.Context, all []syncline.Repository, r syncline.Repository, at place.Place) error {
	for _, o := range all {
		if o.ID == r.ID || o.ResticID != "" && r.ResticID != "" && o.ResticID != r.ResticID && o.Path != r.Path {
			continue
		}
		if r.Path != "" && o.Path != "" && r.NodeID != "" && o.NodeID != "" && r.NodeID != o.NodeID {
			continue // folders of two machines
		}
		other, err := h.knownPlace(ctx, o)
		if err != nil {
			return err
		}
		if h.samePlace(ctx, at, other) {
			return syncline.Errorf(syncline.CodeConflict, "this place is attached already, as the repository %q; a place is attached once", o.Name)
		}
	}
	return nil
}

// knownPlace returns the place of a repository, without the secret that opens it.
func (h *repositories) knownPlace(ctx context.Context, r syncline.Repository) (place.Place, error) {
	if r.ObjectStorageID == "" {
		return place.Place{Path: r.Path}, nil
	}
	s, err := h.storages.ObjectStorage(ctx, r.ObjectStorageID)
	if err != nil {
		return place.Place{}, err
	}
	account, err := h.accounts.store.Account(ctx, s.AccountID)
	return place.Place{Storage: s, Access: place.Access{Account: account}}, err
}

// lookTime bounds a look at a local folder, whose file system may hang.
const lookTime = 5 * time.Second

// samePlace reports whether two places are one. Folders that do not answer in time are
// taken for two.
func (h *repositories) samePlace(ctx context.Context, a, b place.Place) bool {
	if a.Path == "" || b.Path == "" || a.Path == b.Path {
		return h.kinds.Same(a, b)
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found := make(chan bool, 1)
	go func() { found <- h.kinds.Same(a, b) }()
	select {
	case same := <-found:
		return same
	case <-ctx.Done():
		return false
	}
}

// copies returns the ids of the other repositories with the same id in their config,
// oldest first; nil for none.
func copies(r syncline.Repository, all []syncline.Repository) *[]v6.Id {
	var ids []v6.Id
	for _, o := range all {
		if o.ID != r.ID && o.ResticID != "" && o.ResticID == r.ResticID {
			ids = append(ids, o.ID)
		}
	}
	if ids == nil {
		return nil
	}
	return &ids
}
