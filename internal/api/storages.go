package api

import (
	"context"
	"slices"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/store"
)

// storages answers for the places in object storage.
type storages struct {
	store        store.ObjectStorages
	repositories *repositories
	accounts     *accounts
	keys         *keys
	kinds        place.Kinds
	places       trier
	sizes        repositorySizes
	made         *stamp
}

// ListObjectStorageRepositories answers GET /v6/objectstoragerepositories.
func (h *storages) ListObjectStorageRepositories(ctx context.Context, req v6.ListObjectStorageRepositoriesRequestObject) (v6.ListObjectStorageRepositoriesResponseObject, error) {
	answer := v6.ListObjectStorageRepositories200JSONResponse{}
	if deref(req.Params.LongTerm) {
		return answer, nil
	}
	storages, err := h.store.ObjectStorages(ctx)
	if err != nil {
		return nil, err
	}
	told, omitted := storages, 0
	if !extended(ctx, req.Params.Extensions) {
		told = slices.DeleteFunc(slices.Clone(storages), func(s syncline.ObjectStorage) bool { return isExtension(s.Kind) })
		omitted = len(storages) - len(told)
	}
	used, err := h.usedSpace(ctx, told)
	if err != nil {
		return nil, err
	}
	for i, s := range told {
		answer = append(answer, h.json(s, used[i]))
	}
	return knownStorages{answer, omitted}, nil
}

// GetObjectStorageRepository answers GET /v6/objectstoragerepositories/{repositoryId}.
func (h *storages) GetObjectStorageRepository(ctx context.Context, req v6.GetObjectStorageRepositoryRequestObject) (v6.GetObjectStorageRepositoryResponseObject, error) {
	s, err := h.store.ObjectStorage(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	if isExtension(s.Kind) && !extended(ctx, req.Params.Extensions) {
		return nil, errExtension("object storage")
	}
	used, err := h.usedSpace(ctx, []syncline.ObjectStorage{s})
	if err != nil {
		return nil, err
	}
	return v6.GetObjectStorageRepository200JSONResponse(h.json(s, used[0])), nil
}

// AddObjectStorageRepository answers POST /v6/objectstoragerepositories.
func (h *storages) AddObjectStorageRepository(ctx context.Context, req v6.AddObjectStorageRepositoryRequestObject) (v6.AddObjectStorageRepositoryResponseObject, error) {
	s := syncline.ObjectStorage{ID: h.made.newID(), CreatedAt: h.made.now().UTC(), ManagedBy: infoFrom(ctx).manager}
	if err := h.merge(&s, req.Body, ""); err != nil {
		return nil, err
	}
	if _, err := h.tryStorage(ctx, s); err != nil {
		return nil, err
	}
	if err := h.store.AddObjectStorage(ctx, s); err != nil {
		return nil, err
	}
	return v6.AddObjectStorageRepository200JSONResponse(h.json(s, nil)), nil
}

// UpdateObjectStorageRepository answers PUT /v6/objectstoragerepositories/{repositoryId}.
func (h *storages) UpdateObjectStorageRepository(ctx context.Context, req v6.UpdateObjectStorageRepositoryRequestObject) (v6.UpdateObjectStorageRepositoryResponseObject, error) {
	old, err := h.store.ObjectStorage(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	s := old
	if s.ManagedBy, err = managed(ctx, "object storage", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.merge(&s, req.Body, old.ID); err != nil {
		return nil, err
	}
	if s.SamePlace(old) {
		if err := h.store.UpdateObjectStorage(ctx, s); err != nil {
			return nil, err
		}
		return v6.UpdateObjectStorageRepository200Response{}, nil
	}
	if err := h.move(ctx, s); err != nil {
		return nil, err
	}
	return v6.UpdateObjectStorageRepository200Response{}, nil
}

// DeleteObjectStorageRepository answers DELETE /v6/objectstoragerepositories/{repositoryId}.
func (h *storages) DeleteObjectStorageRepository(ctx context.Context, req v6.DeleteObjectStorageRepositoryRequestObject) (v6.DeleteObjectStorageRepositoryResponseObject, error) {
	old, err := h.store.ObjectStorage(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "object storage", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.store.DeleteObjectStorage(ctx, req.RepositoryID); err != nil {
		return nil, err
	}
	return v6.DeleteObjectStorageRepository204Response{}, nil
}

// tryStorage lists and reads in a storage's folder and returns the access to it. Its
// error names the field that is to blame.
func (h *storages) tryStorage(ctx context.Context, s syncline.ObjectStorage) (place.Access, error) {
	by, err := h.accounts.access(ctx, s.AccountID)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return by, invalid("accountId names no account; add the account with POST /v6/Accounts first")
	}
	if err != nil {
		return by, err
	}
	if by.Account.Kind != s.Kind {
		return by, invalid("accountId names an account of the type %s; the storage needs one of the type %s", h.accounts.accountType(by.Account.Kind), h.accounts.accountType(s.Kind))
	}
	at := place.Place{Storage: s, Access: by}
	if err := h.accounts.refuseNewHost(ctx, at); err != nil {
		return by, err
	}
	err = h.places.Try(ctx, at)
	form := formOf(s.Kind)
	field := form.place
	switch syncline.CodeOf(err) {
	case "":
		return by, nil
	case syncline.CodeForbidden:
		field = "accountId"
	case syncline.CodeNoRepository: // not even the bucket
		field = form.bucket()
	case syncline.CodeInternal, syncline.CodeCanceled:
		return by, err
	}
	if setting := place.SettingToBlame(err); setting != "" {
		field = "settings." + setting
	}
	return by, syncline.WrapError(codeOfTry(err), err, "%s: %s", field, syncline.MessageOf(err))
}

// move records an object storage that lies elsewhere, unless another repository is
// attached there.
func (h *storages) move(ctx context.Context, s syncline.ObjectStorage) error {
	moved, err := h.tryMoving(ctx, s)
	if err != nil {
		return err
	}
	account, err := h.accounts.store.Account(ctx, s.AccountID)
	if err != nil {
		return err
	}
	at := place.Place{Storage: s, Access: place.Access{Account: account}}
	ctx, unlock, err := h.repositories.attaching.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := h.repositories.known.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, r := range moved {
		if err := h.repositories.refuseTakenAt(ctx, all, r, at); err != nil {
			return err
		}
	}
	// Before, so that nobody sees the other place beside a repository in sync, and after,
	// because a session of the old place may end meanwhile.
	if err := h.markAll(ctx, moved); err != nil {
		return err
	}
	if err := h.store.UpdateObjectStorage(ctx, s); err != nil {
		return err
	}
	if err := h.markAll(ctx, moved); err != nil {
		return err
	}
	for _, r := range moved {
		h.repositories.checks.Retry(r.ID)
	}
	return nil
}

// markAll marks repositories as out of sync.
func (h *storages) markAll(ctx context.Context, list []syncline.Repository) error {
	for _, r := range list {
		if err := h.repositories.store.SetOutOfSync(ctx, r.ID, true); err != nil {
			return err
		}
	}
	return nil
}

// tryMoving opens every repository of a storage at the storage's new place, and returns
// the repositories.
func (h *storages) tryMoving(ctx context.Context, s syncline.ObjectStorage) ([]syncline.Repository, error) {
	all, err := h.repositories.known.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var moved []syncline.Repository
	for _, r := range all {
		if r.ObjectStorageID != s.ID {
			continue
		}
		if err := h.repositories.refuseWhileSynchronizing(ctx, r.ID); err != nil {
			return nil, err
		}
		moved = append(moved, r)
	}
	by, err := h.tryStorage(ctx, s)
	if err != nil {
		return nil, err
	}
	for i, r := range moved {
		password, err := h.keys.password(ctx, r.EncryptionKeyID)
		if err != nil {
			return nil, err
		}
		there, err := h.repositories.synchronizer.Check(ctx, place.Place{Storage: s, Access: by}, password)
		if err != nil {
			return nil, syncline.WrapError(codeOfTry(err), err, "the repository %q does not open there: %s", r.Name, syncline.MessageOf(err))
		}
		if err := sameRepository(r, there); err != nil {
			return nil, err
		}
		moved[i].ResticID = there
	}
	return moved, nil
}
