package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/clip"
)

// In v8 an object storage is a part of its repository. These functions make the one
// request of v8 into the requests of v6. All of them change both or nothing: what was
// added for a repository goes when the repository is refused.

const storageType = "ObjectStorageRepositoryComposed"

// tellObjectStorage tells the object storage that a repository lies in.
func tellObjectStorage(v *view, o *object) (any, error) {
	id := syncline.ID(o.text("objectStorageId"))
	if id == "" {
		return leftOut, nil
	}
	storage, err := v.objectStorage(id)
	if err != nil {
		return nil, err
	}
	if storage == nil {
		v.omitted++
		setOmitted(v.out, v.omitted)
		return leftOut, nil
	}
	return storage, v.face.upTo("v8").tellType(v, storageType, storage)
}

// dropStorageLink takes away the link to an object storage by itself.
func dropStorageLink(_ *view, o *object) error {
	if links := o.child("_links"); links != nil {
		links.drop("self")
	}
	return nil
}

// takeObjectStorage keeps the object storage of a body for the functions below.
func takeObjectStorage(v *view, body map[string]any) error {
	nested, ok := body["objectStorage"].(map[string]any)
	if !ok {
		return nil
	}
	if path, _ := body["path"].(string); path != "" {
		return invalid("path and objectStorage cannot be given together; a repository lies in one place")
	}
	v.nested = nested
	return within(v.face.upTo("v8").parent.takeType(v, storageType, nested))
}

// within says that an error is about the object storage of a body.
func within(err error) error {
	if err == nil {
		return nil
	}
	return syncline.WrapError(syncline.CodeOf(err), err, "objectStorage: %s", syncline.MessageOf(err))
}

// attachNested adds a repository and the object storage in its body.
func attachNested(v *view, next func() error) error {
	if v.nested == nil {
		return next()
	}
	_, err := v.replaceStorage(v.nested, next)
	return err
}

// replaceStorage adds an object storage and calls next for the repository that is to lie
// in it. Without the repository, the object storage goes again.
func (v *view) replaceStorage(storage map[string]any, next func() error) (done bool, err error) {
	id, err := v.addStorage(storage)
	if err != nil {
		return false, within(err)
	}
	defer func() {
		if !done {
			v.removeStorage(id)
		}
	}()
	v.body["objectStorageId"] = string(id)
	if err := v.sendBody(); err != nil {
		return false, err
	}
	err = next()
	return err == nil && !v.failed(), err
}

// addStorage adds an object storage that is written in v6's form.
func (v *view) addStorage(storage map[string]any) (syncline.ID, error) {
	name, _ := v.body["name"].(string)
	if v.repository != nil && name == "" {
		name = v.repository.Name
	}
	storage["name"] = strings.TrimSpace(clip.Text(plain(name), maxStorageName)) + " (" + uuid.NewString()[:8] + ")"
	body, err := storageBody(storage)
	if err != nil {
		return "", err
	}
	answer, err := v.api.AddObjectStorageRepository(v.ctx, v6.AddObjectStorageRepositoryRequestObject{Body: body})
	if err != nil {
		return "", err
	}
	added, ok := answer.(v6.AddObjectStorageRepository200JSONResponse)
	if !ok {
		return "", fmt.Errorf("a new object storage is a %T", answer)
	}
	return deref(added.ID), nil
}

// storageBody returns an object storage in v6's form as v6's handlers take it.
func storageBody(storage map[string]any) (*v6.ObjectStorageRepositoryComposed, error) {
	data, err := json.Marshal(storage)
	if err != nil {
		return nil, fmt.Errorf("marshal an object storage: %w", err)
	}
	var body v6.ObjectStorageRepositoryComposed
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "it is not as the API describes it; see /swagger")
	}
	return &body, nil
}

// maxStorageName bounds the name that an object storage has from its repository, in bytes.
const maxStorageName = 200

// removeStorage removes an object storage that nobody needs. One that another repository
// lies in, or that a file declares, stays.
func (v *view) removeStorage(id syncline.ID) {
	ctx := context.WithoutCancel(v.ctx)
	_, err := v.api.DeleteObjectStorageRepository(ctx, v6.DeleteObjectStorageRepositoryRequestObject{RepositoryID: id})
	switch syncline.CodeOf(err) {
	case "", syncline.CodeConflict, syncline.CodeNotFound:
	default:
		v.api.Logger.LogAttrs(ctx, slog.LevelWarn, "an object storage without a repository could not be removed",
			slog.String("id", string(id)), slog.Any("error", err))
	}
}

// changeNested changes a repository and the object storage that it lies in. Another place
// or account is another object storage, which takes the place of the one before.
func changeNested(v *view, next func() error) error {
	old, err := v.api.Repositories.Repository(v.ctx, syncline.ID(v.request.PathValue("repositoryId")))
	if err != nil {
		return err
	}
	v.repository = &old
	var storage map[string]any
	if v.nested != nil {
		if storage, err = v.changedStorage(old.ObjectStorageID); err != nil {
			return within(err)
		}
	}
	var done bool
	if storage == nil {
		err = next()
		path, _ := v.body["path"].(string)
		done = err == nil && !v.failed() && path != ""
	} else {
		done, err = v.replaceStorage(storage, next)
	}
	if done && old.ObjectStorageID != "" {
		v.removeStorage(old.ObjectStorageID)
	}
	return err
}

// changedStorage returns the object storage of a body, with the fields that the one before
// has and the body leaves out. It is nil where the body says the same place and account.
func (v *view) changedStorage(before syncline.ID) (map[string]any, error) {
	if id, _ := v.nested["id"].(string); id != "" && id != string(zeroID) && !strings.EqualFold(id, string(before)) {
		return nil, invalid("id cannot be chosen or changed; leave it out")
	}
	dropGiven(v.nested)
	if before == "" {
		return v.nested, nil
	}
	was, err := v.api.ObjectStorages.ObjectStorage(v.ctx, before)
	if err != nil {
		return nil, err
	}
	if kind, sent := v.nested["type"]; sent && kind != nil && kind != v.api.storageType(was.Kind) {
		return v.nested, nil
	}
	body, err := storageBody(v.nested)
	if err != nil {
		return nil, err
	}
	is := was
	if err := v.api.storages.merge(&is, body, was.ID); err != nil {
		return nil, err
	}
	if is.SamePlace(was) {
		return nil, nil
	}
	data, err := json.Marshal(v.api.storages.json(is, nil))
	if err != nil {
		return nil, fmt.Errorf("marshal an object storage: %w", err)
	}
	var whole map[string]any
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, fmt.Errorf("parse an object storage: %w", err)
	}
	dropGiven(whole)
	return whole, nil
}

// dropGiven takes away what the server alone gives an object storage.
func dropGiven(storage map[string]any) {
	for _, name := range []string{"id", "name", "description", "_links", "managedBy", "usedSpaceBytes", "freeSpaceBytes"} {
		delete(storage, name)
	}
}

// deleteNested removes a repository and the object storage that it lies in.
func deleteNested(v *view, next func() error) error {
	old, err := v.api.Repositories.Repository(v.ctx, syncline.ID(v.request.PathValue("repositoryId")))
	if err != nil {
		return err
	}
	if err := next(); err != nil || v.failed() {
		return err
	}
	if old.ObjectStorageID != "" {
		v.removeStorage(old.ObjectStorageID)
	}
	return nil
}
