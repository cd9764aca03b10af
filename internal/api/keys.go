package api

import (
	"context"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/store"
)

const zeroID syncline.ID = "00000000-0000-0000-0000-000000000000"

// Sealer seals secrets for the store. The id is that of the encryption key or account:
// a secret that is sealed for one does not open for another.
type Sealer interface {
	Seal(id syncline.ID, secret []byte) ([]byte, error)
	Open(id syncline.ID, sealed []byte) ([]byte, error)
}

// keys answers for encryption keys.
type keys struct {
	store        store.Keys
	sealer       Sealer
	secrets      secretComparer
	repositories *repositories
	made         *stamp
}

// ListEncryptionKeys answers GET /v6/EncryptionKeys.
func (h *keys) ListEncryptionKeys(ctx context.Context, req v6.ListEncryptionKeysRequestObject) (v6.ListEncryptionKeysResponseObject, error) {
	keys, err := h.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	answer := make(v6.ListEncryptionKeys200JSONResponse, 0, len(keys))
	for _, k := range keys {
		if d := req.Params.Description; d != nil && !strings.EqualFold(*d, k.Description) {
			continue
		}
		answer = append(answer, keyJSON(k))
	}
	return answer, nil
}

// GetEncryptionKey answers GET /v6/EncryptionKeys/{keyId}.
func (h *keys) GetEncryptionKey(ctx context.Context, req v6.GetEncryptionKeyRequestObject) (v6.GetEncryptionKeyResponseObject, error) {
	k, err := h.store.Key(ctx, req.KeyID)
	if err != nil {
		return nil, err
	}
	return v6.GetEncryptionKey200JSONResponse(keyJSON(k)), nil
}

// AddEncryptionKey answers POST /v6/EncryptionKeys.
func (h *keys) AddEncryptionKey(ctx context.Context, req v6.AddEncryptionKeyRequestObject) (v6.AddEncryptionKeyResponseObject, error) {
	b := req.Body
	switch {
	case b.NewPassword != nil:
		return nil, invalid("newPassword is not supported for a new key; send the password of a new key as password")
	case b.OldPassword != nil:
		return nil, invalid("oldPassword is not supported for a new key; send the password of a new key as password")
	case b.ID != nil && *b.ID != zeroID:
		return nil, invalid("id cannot be chosen; leave it out")
	}
	k := syncline.EncryptionKey{ID: h.made.newID(), Description: deref(b.Description), CreatedAt: h.made.now().UTC(), ManagedBy: infoFrom(ctx).manager}
	sealed, err := h.sealer.Seal(k.ID, []byte(b.Password))
	if err != nil {
		return nil, err
	}
	if err := h.store.AddKey(ctx, k, sealed); err != nil {
		return nil, err
	}
	return v6.AddEncryptionKey200JSONResponse(keyJSON(k)), nil
}

// DeleteEncryptionKey answers DELETE /v6/EncryptionKeys/{keyId}.
func (h *keys) DeleteEncryptionKey(ctx context.Context, req v6.DeleteEncryptionKeyRequestObject) (v6.DeleteEncryptionKeyResponseObject, error) {
	old, err := h.store.Key(ctx, req.KeyID)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "encryption key", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.store.DeleteKey(ctx, req.KeyID); err != nil {
		return nil, err
	}
	return v6.DeleteEncryptionKey204Response{}, nil
}

// password returns a key's password.
func (h *keys) password(ctx context.Context, key syncline.ID) (string, error) {
	sealed, err := h.store.SealedPassword(ctx, key)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return "", invalid("encryptionKeyId names no encryption key; add the key with POST /v6/EncryptionKeys first")
	}
	if err != nil {
		return "", err
	}
	password, err := h.sealer.Open(key, sealed)
	if err != nil { // not the request's fault, whatever the cause
		return "", syncline.WrapError(syncline.CodeInternal, err, "%s", syncline.MessageOf(err))
	}
	return string(password), nil
}

func keyJSON(k syncline.EncryptionKey) v6.EncryptionKey {
	return v6.EncryptionKey{
		ID:          k.ID,
		Description: k.Description,
		ManagedBy:   present(k.ManagedBy),
		Links:       v6.EncryptionKeyLinks{Self: keyLink(k.ID)},
	}
}

func keyLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/EncryptionKeys/" + string(id)} }
