package api

import (
	"context"
	"crypto/subtle"
	"maps"
	"strings"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/store"
)

// trier lists and reads in a place's folder, whatever lies there. Errors are
// those of Places. CheckAccount checks an account without a request.
type trier interface {
	Try(ctx context.Context, at place.Place) error
	CheckAccount(by place.Access) error
}

// accounts answers for the credentials of object storage.
type accounts struct {
	store    store.Accounts
	storages interface {
		ObjectStorages(ctx context.Context) ([]syncline.ObjectStorage, error)
	}
	kinds   place.Kinds
	sealer  Sealer
	secrets secretComparer
	places  trier
	made    *stamp
}

// ListAccounts answers GET /v6/Accounts.
func (h *accounts) ListAccounts(ctx context.Context, req v6.ListAccountsRequestObject) (v6.ListAccountsResponseObject, error) {
	if kind := req.Params.AccountType; kind != nil && h.kinds.OfAccounts(*kind) == nil {
		return nil, invalid("accountType in the query must be one of %s", h.accountTypes())
	}
	accounts, err := h.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	answer := make(v6.ListAccounts200JSONResponse, 0, len(accounts))
	omitted := 0
	for _, x := range accounts {
		name, kind := req.Params.Name, req.Params.AccountType
		if name != nil && !strings.EqualFold(*name, x.UserName) || kind != nil && *kind != h.accountType(x.Kind) {
			continue
		}
		if kind == nil && isExtension(x.Kind) && !extended(ctx, req.Params.Extensions) {
			omitted++
			continue
		}
		answer = append(answer, h.json(x))
	}
	return knownAccounts{answer, omitted}, nil
}

// GetAccount answers GET /v6/Accounts/{accountId}.
func (h *accounts) GetAccount(ctx context.Context, req v6.GetAccountRequestObject) (v6.GetAccountResponseObject, error) {
	x, err := h.store.Account(ctx, req.AccountID)
	if err != nil {
		return nil, err
	}
	if isExtension(x.Kind) && !extended(ctx, req.Params.Extensions) {
		return nil, errExtension("account")
	}
	return v6.GetAccount200JSONResponse(h.json(x)), nil
}

// AddAccount answers POST /v6/Accounts.
func (h *accounts) AddAccount(ctx context.Context, req v6.AddAccountRequestObject) (v6.AddAccountResponseObject, error) {
	b := req.Body
	kind := h.kinds.OfAccounts(deref(b.AccountType))
	switch {
	case b.AccountType == nil:
		return nil, invalid("accountType is required; name one of %s", h.accountTypes())
	case kind == nil:
		return nil, invalid("accountType must be one of %s", h.accountTypes())
	case b.NewPassword != nil:
		return nil, invalid("newPassword is not supported for a new account; send its secret as password")
	case b.OldPassword != nil:
		return nil, invalid("oldPassword is not supported for a new account; send its secret as password")
	case saysID(b.ID):
		return nil, invalid("id cannot be chosen; leave it out")
	}
	by := place.Access{Account: syncline.Account{
		ID: h.made.newID(), Kind: kind.Kind, Description: deref(b.Description), CreatedAt: h.made.now().UTC(), ManagedBy: infoFrom(ctx).manager,
	}}
	if err := h.merge(&by, kind, b); err != nil {
		return nil, err
	}
	if err := h.places.CheckAccount(by); err != nil {
		return nil, err
	}
	sealed, err := h.seal(by)
	if err != nil {
		return nil, err
	}
	if err := h.store.AddAccount(ctx, by.Account, sealed); err != nil {
		return nil, err
	}
	return v6.AddAccount201JSONResponse(h.json(by.Account)), nil
}

// seal returns the secrets of an account, sealed.
func (h *accounts) seal(by place.Access) ([]byte, error) {
	kept, err := h.kinds.Keep(by)
	if err != nil {
		return nil, err
	}
	return h.sealer.Seal(by.Account.ID, kept)
}

// UpdateAccount answers PUT /v6/Accounts/{accountId}.
func (h *accounts) UpdateAccount(ctx context.Context, req v6.UpdateAccountRequestObject) (v6.UpdateAccountResponseObject, error) {
	b := req.Body
	old, err := h.store.Account(ctx, req.AccountID)
	if err != nil {
		return nil, err
	}
	manager, err := managed(ctx, "account", old.ManagedBy)
	if err != nil {
		return nil, err
	}
	kept, err := h.access(ctx, old.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(old.ID)):
		return nil, invalid("id cannot be chosen or changed; leave it out")
	case b.AccountType != nil && *b.AccountType != h.accountType(old.Kind):
		return nil, invalid("accountType cannot change; add another account instead")
	case b.Password != nil && b.NewPassword != nil && *b.Password != *b.NewPassword:
		return nil, invalid("newPassword and password differ; send the new secret as one of them")
	}
	if b.OldPassword != nil {
		switch same, err := h.areSecrets(ctx, kept, map[string]string{place.Password: *b.OldPassword}); {
		case err != nil:
			return nil, err
		case !same:
			return nil, invalid("oldPassword is not the secret that the account has; leave it out or correct it")
		}
	}
	by := place.Access{Account: kept.Account, Secrets: maps.Clone(kept.Secrets)}
	set(&by.Account.Description, b.Description)
	by.Account.ManagedBy = manager
	if err := h.merge(&by, h.kinds.Stored(old.Kind), b); err != nil {
		return nil, err
	}
	if err := h.places.CheckAccount(by); err != nil {
		return nil, err
	}
	return v6.UpdateAccount200Response{}, h.change(ctx, kept, by, b)
}

// change records a changed account. Changed credentials are tried first.
func (h *accounts) change(ctx context.Context, kept, by place.Access, sent *v6.CredentialToSend) error {
	secretsKept := by.Account.Method == kept.Account.Method && maps.EqualFunc(by.Secrets, kept.Secrets, sameSecret)
	if !secretsKept || by.Account.UserName != kept.Account.UserName || !maps.Equal(by.Account.Settings, kept.Account.Settings) {
		if err := h.tryEverywhere(ctx, kept, by, sent); err != nil {
			return err
		}
	}
	var sealed []byte // nil keeps the secrets
	if !secretsKept {
		var err error
		if sealed, err = h.seal(by); err != nil {
			return err
		}
	}
	return h.store.UpdateAccount(ctx, by.Account, sealed)
}

// triesAtOnce bounds the storages that a changed account is tried with at once.
const triesAtOnce = 8

// tryEverywhere tries changed credentials with every object storage that uses
// the account.
func (h *accounts) tryEverywhere(ctx context.Context, kept, by place.Access, sent *v6.CredentialToSend) error {
	places, err := h.placesOf(ctx, by)
	if err != nil {
		return err
	}
	for _, after := range places {
		before := place.Place{Storage: after.Storage, Access: place.Access{Account: kept.Account}}
		if !h.kinds.Same(before, after) {
			return syncline.Errorf(syncline.CodeConflict,
				"the account says where the object storage %q lies, which would be elsewhere then; add another account instead", after.Storage.Name)
		}
	}
	if err := h.refuseLeading(kept, by, sent); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(triesAtOnce)
	for _, at := range places {
		g.Go(func() error {
			err := h.places.Try(ctx, at)
			if err == nil {
				return nil
			}
			if place.ToConfirm(err) != nil { // by the storage, and not by this request
				err = syncline.Errorf(syncline.CodeOf(err), "%s", syncline.MessageOf(err))
			}
			return syncline.WrapError(codeOfTry(err), err,
				"the account is not changed, because the object storage %q cannot be opened then: %s", at.Storage.Name, syncline.MessageOf(err))
		})
	}
	return g.Wait()
}

// codeOfTry is the code of a place that does not open. A refusal or an absence
// in the storage is a fault of the request, not of the user's role.
func codeOfTry(err error) syncline.Code {
	switch code := syncline.CodeOf(err); code {
	case syncline.CodeForbidden, syncline.CodeNotFound, syncline.CodeTooLarge, syncline.CodeThrottled, syncline.CodeUnauthenticated:
		return syncline.CodeInvalid
	default:
		return code
	}
}

// DeleteAccount answers DELETE /v6/Accounts/{accountId}.
func (h *accounts) DeleteAccount(ctx context.Context, req v6.DeleteAccountRequestObject) (v6.DeleteAccountResponseObject, error) {
	old, err := h.store.Account(ctx, req.AccountID)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "account", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.store.DeleteAccount(ctx, req.AccountID); err != nil {
		return nil, err
	}
	return v6.DeleteAccount204Response{}, nil
}

// CompareAccount answers POST /v6/Accounts/{accountId}/Compare.
func (h *accounts) CompareAccount(ctx context.Context, req v6.CompareAccountRequestObject) (v6.CompareAccountResponseObject, error) {
	by, err := h.access(ctx, req.AccountID)
	if err != nil {
		return nil, err
	}
	guess := deref(req.Body.Secrets)
	if req.Body.Password != nil {
		if _, twice := guess[place.Password]; twice {
			return nil, invalid("password and secrets.password are one; send it once")
		}
		guess = withText(guess, place.Password, *req.Body.Password)
	}
	if len(guess) == 0 {
		return nil, invalid("password is required; send the secret to compare with, or several of them as secrets")
	}
	same, err := h.areSecrets(ctx, by, guess)
	if err != nil {
		return nil, err
	}
	return v6.CompareAccount200JSONResponse{IsSame: same}, nil
}

// areSecrets compares secrets of an account with others, and slows down a user who guesses. Letter
// case does not count in names. A secret that the account's method does not have is another
// one.
func (h *accounts) areSecrets(ctx context.Context, by place.Access, guess map[string]string) (bool, error) {
	method := h.kinds.Stored(by.Account.Kind).Method(by.Account.Method)
	return h.secrets.Compare(ctx, "account "+string(by.Account.ID), func() bool {
		same := true
		for name, text := range guess {
			f := place.FieldNamed(method.Secrets, name)
			if f == nil || subtle.ConstantTimeCompare([]byte(by.Secrets[f.Name].Reveal()), []byte(text)) != 1 {
				same = false
			}
		}
		return same
	})
}

// access returns an account with its secrets. An unknown one is CodeNotFound.
func (h *accounts) access(ctx context.Context, id syncline.ID) (place.Access, error) {
	account, err := h.store.Account(ctx, id)
	if err != nil {
		return place.Access{}, err
	}
	sealed, err := h.store.SealedSecret(ctx, id)
	if err != nil {
		return place.Access{}, err
	}
	plain, err := h.sealer.Open(id, sealed)
	if err != nil { // not the request's fault, whatever the cause
		return place.Access{}, syncline.WrapError(syncline.CodeInternal, err, "%s", syncline.MessageOf(err))
	}
	return h.kinds.Access(account, plain)
}
