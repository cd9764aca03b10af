package api

import (
	"context"
	"crypto/subtle"
	"strings"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// openingsAtOnce bounds the repositories that a changed password is tried with at once.
// Each derives a key, which takes at least a core and 32 MiB.
const openingsAtOnce = 2

// UpdateEncryptionKey answers PUT /v6/EncryptionKeys/{keyId}.
func (h *keys) UpdateEncryptionKey(ctx context.Context, req v6.UpdateEncryptionKeyRequestObject) (v6.UpdateEncryptionKeyResponseObject, error) {
	b := req.Body
	k, err := h.store.Key(ctx, req.KeyID)
	if err != nil {
		return nil, err
	}
	if k.ManagedBy, err = managed(ctx, "encryption key", k.ManagedBy); err != nil {
		return nil, err
	}
	if saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(k.ID)) {
		return nil, invalid("id cannot be chosen or changed; leave it out")
	}
	kept, err := h.password(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	if b.OldPassword != nil {
		switch same, err := h.isPassword(ctx, k.ID, kept, *b.OldPassword); {
		case err != nil:
			return nil, err
		case !same:
			return nil, invalid("oldPassword is not the password that the key has; leave it out or correct it")
		}
	}
	var sealed []byte // nil keeps the password
	if b.NewPassword != nil && *b.NewPassword != kept {
		if err := h.tryPassword(ctx, k.ID, *b.NewPassword, deref(b.Force)); err != nil {
			return nil, err
		}
		if sealed, err = h.sealer.Seal(k.ID, []byte(*b.NewPassword)); err != nil {
			return nil, err
		}
	}
	set(&k.Description, b.Description)
	if err := h.store.UpdateKey(ctx, k, sealed); err != nil {
		return nil, err
	}
	if sealed != nil {
		h.retry(ctx, k.ID)
	}
	return v6.UpdateEncryptionKey200Response{}, nil
}

// retry has the repositories of a key checked at once. Where they cannot be listed, they
// have their next turn.
func (h *keys) retry(ctx context.Context, key syncline.ID) {
	all, _ := h.repositories.known.Repositories(ctx)
	for _, r := range all {
		if r.EncryptionKeyID == key {
			h.repositories.checks.Retry(r.ID)
		}
	}
}

// tryPassword opens every repository that uses the key with another password. With
// force, one that cannot be reached is passed over.
func (h *keys) tryPassword(ctx context.Context, key syncline.ID, password string, force bool) error {
	all, err := h.repositories.known.Repositories(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(openingsAtOnce)
	for _, r := range all {
		if r.EncryptionKeyID != key {
			continue
		}
		g.Go(func() error {
			err := h.repositories.tryKnown(ctx, r, password)
			switch code := syncline.CodeOf(err); {
			case err == nil, ctx.Err() != nil:
				return ctx.Err()
			case code == syncline.CodeWrongPassword:
				return syncline.WrapError(code, err, "the password is not changed, because it does not open the repository %q", r.Name)
			case code == syncline.CodeInternal:
				return err
			case force && code != syncline.CodeConflict:
				return nil
			}
			return syncline.WrapError(syncline.CodeConflict, err,
				"the password is not changed, because it cannot be tried with the repository %q: %s; mend that, or send force: true to take it untried", r.Name, syncline.MessageOf(err))
		})
	}
	return g.Wait()
}

// tryKnown opens an attached repository with another password.
func (h *repositories) tryKnown(ctx context.Context, r syncline.Repository, password string) error {
	nodes, err := h.where.look(ctx)
	if err != nil {
		return err
	}
	if err := nodes.hasFolder(r); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "%s", syncline.MessageOf(err))
	}
	at, err := h.openPlace(ctx, r)
	if err != nil {
		return err
	}
	there, err := h.synchronizer.Check(ctx, at, password)
	if err != nil {
		return err
	}
	return sameRepository(r, there)
}

// CompareEncryptionKey answers POST /v6/EncryptionKeys/{keyId}/Compare.
func (h *keys) CompareEncryptionKey(ctx context.Context, req v6.CompareEncryptionKeyRequestObject) (v6.CompareEncryptionKeyResponseObject, error) {
	if _, err := h.store.Key(ctx, req.KeyID); err != nil {
		return nil, err
	}
	kept, err := h.password(ctx, req.KeyID)
	if err != nil {
		return nil, err
	}
	same, err := h.isPassword(ctx, req.KeyID, kept, req.Body.Password)
	if err != nil {
		return nil, err
	}
	return v6.CompareEncryptionKey200JSONResponse{IsSame: same}, nil
}

// isPassword compares the password of a key with another one, and slows down a user who guesses.
func (h *keys) isPassword(ctx context.Context, key syncline.ID, kept, guess string) (bool, error) {
	return h.secrets.Compare(ctx, "key "+string(key), func() bool {
		return subtle.ConstantTimeCompare([]byte(kept), []byte(guess)) == 1
	})
}
