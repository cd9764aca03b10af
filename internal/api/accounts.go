package api

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
)

// accountTypes are v6's names of the kinds of accounts.
var accountTypes = map[syncline.StorageKind]string{
	syncline.KindS3:           "amazonS3Account",
	syncline.KindS3Compatible: "amazonS3CompatibleAccount",
	syncline.KindAzure:        "azureBlobAccount",
	syncline.KindGCS:          "googleCloudAccount", // Syncline's own
}

// kindOf returns the kind with a name; "" for none.
func kindOf(names map[syncline.StorageKind]string, name string) syncline.StorageKind {
	for kind, n := range names {
		if n == name {
			return kind
		}
	}
	return ""
}

// trier lists and reads in a place's folder, whatever lies there. Errors are
// those of Places.
type trier interface {
	Try(ctx context.Context, at place.Place) error
}

// accounts answers for the credentials of object storage.
type accounts struct {
	store    store.Accounts
	storages interface {
		ObjectStorages(ctx context.Context) ([]syncline.ObjectStorage, error)
	}
	sealer  Sealer
	secrets secretComparer
	places  trier
	made    *stamp
}

// ListAccounts answers GET /v6/Accounts.
func (h *accounts) ListAccounts(ctx context.Context, req v6.ListAccountsRequestObject) (v6.ListAccountsResponseObject, error) {
	accounts, err := h.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	answer := make(v6.ListAccounts200JSONResponse, 0, len(accounts))
	omitted := 0
	for _, x := range accounts {
		name, kind := req.Params.Name, req.Params.AccountType
		if name != nil && !strings.EqualFold(*name, x.UserName) || kind != nil && *kind != accountTypes[x.Kind] {
			continue
		}
		if kind == nil && isExtension(x.Kind) && !extended(ctx, req.Params.Extensions) {
			omitted++
			continue
		}
		answer = append(answer, accountJSON(x))
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
	return v6.GetAccount200JSONResponse(accountJSON(x)), nil
}

// AddAccount answers POST /v6/Accounts.
func (h *accounts) AddAccount(ctx context.Context, req v6.AddAccountRequestObject) (v6.AddAccountResponseObject, error) {
	b := req.Body
	switch {
	case b.AccountType == nil:
		return nil, invalid("accountType is required; name one of azureBlobAccount, amazonS3Account, amazonS3CompatibleAccount, googleCloudAccount")
	case deref(b.UserName) == "":
		return nil, invalid("userName is required; give the id of the access key, the name of the storage account in Azure, or the service account's e-mail address at Google")
	case b.Password == nil:
		return nil, invalid("password is required; give the secret key, the key of the storage account in Azure, or the JSON key file of a service account at Google")
	case b.NewPassword != nil:
		return nil, invalid("newPassword is not supported for a new account; send its secret as password")
	case b.OldPassword != nil:
		return nil, invalid("oldPassword is not supported for a new account; send its secret as password")
	case saysID(b.ID):
		return nil, invalid("id cannot be chosen; leave it out")
	}
	x := syncline.Account{
		ID: h.made.newID(), Kind: kindOf(accountTypes, *b.AccountType), UserName: *b.UserName,
		Description: deref(b.Description), CreatedAt: h.made.now().UTC(), ManagedBy: infoFrom(ctx).manager,
	}
	setLimits(&x.Limits, b)
	if err := errors.Join(checkUserName(x.UserName), checkSecret(x.Kind, *b.Password)); err != nil {
		return nil, err
	}
	sealed, err := h.sealer.Seal(x.ID, []byte(*b.Password))
	if err != nil {
		return nil, err
	}
	if err := h.store.AddAccount(ctx, x, sealed); err != nil {
		return nil, err
	}
	return v6.AddAccount201JSONResponse(accountJSON(x)), nil
}

func checkUserName(name string) error {
	if name == "" || strings.TrimSpace(name) != name || hasControl(name) {
		return invalid("userName must not be empty, begin or end with a space or hold control characters")
	}
	return nil
}

// checkSecret refuses a secret that cannot be one. At Google a secret is a whole key
// file, and users send parts of it.
func checkSecret(kind syncline.StorageKind, text string) error {
	if kind != syncline.KindGCS {
		return nil
	}
	var key struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(text), &key); err != nil || key.Type != "service_account" {
		return invalid("password must be the JSON key file of a service account at Google, the whole file as one text")
	}
	return nil
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
	switch {
	case saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(old.ID)):
		return nil, invalid("id cannot be chosen or changed; leave it out")
	case b.AccountType != nil && *b.AccountType != accountTypes[old.Kind]:
		return nil, invalid("accountType cannot change; add another account instead")
	case b.Password != nil && b.NewPassword != nil && *b.Password != *b.NewPassword:
		return nil, invalid("newPassword and password differ; send the new secret as one of them")
	}
	by, err := h.access(ctx, old.ID)
	if err != nil {
		return nil, err
	}
	kept := by.Secret.Reveal()
	if b.OldPassword != nil {
		switch same, err := h.isSecret(ctx, by, *b.OldPassword); {
		case err != nil:
			return nil, err
		case !same:
			return nil, invalid("oldPassword is not the secret that the account has; leave it out or correct it")
		}
	}
	secretText := kept
	set(&secretText, b.Password)
	set(&secretText, b.NewPassword)
	by.Secret = secret.NewString(secretText)
	set(&by.Account.UserName, b.UserName)
	set(&by.Account.Description, b.Description)
	setLimits(&by.Account.Limits, b)
	by.Account.ManagedBy = manager
	if err := errors.Join(checkUserName(by.Account.UserName), checkSecret(old.Kind, secretText)); err != nil {
		return nil, err
	}
	if by.Account.UserName != old.UserName || secretText != kept {
		if err := h.tryEverywhere(ctx, by, old); err != nil {
			return nil, err
		}
	}
	var sealed []byte // nil keeps the secret
	if secretText != kept {
		if sealed, err = h.sealer.Seal(old.ID, []byte(secretText)); err != nil {
			return nil, err
		}
	}
	if err := h.store.UpdateAccount(ctx, by.Account, sealed); err != nil {
		return nil, err
	}
	return v6.UpdateAccount200Response{}, nil
}

// triesAtOnce bounds the storages that a changed account is tried with at once.
const triesAtOnce = 8

// tryEverywhere tries changed credentials with every object storage that uses
// the account.
func (h *accounts) tryEverywhere(ctx context.Context, by place.Access, old syncline.Account) error {
	storages, err := h.storages.ObjectStorages(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(triesAtOnce)
	for _, s := range storages {
		if s.AccountID != by.Account.ID {
			continue
		}
		if s.Kind == syncline.KindAzure && by.Account.UserName != old.UserName {
			return syncline.Errorf(syncline.CodeConflict,
				"userName names the storage account in which the object storage %q lies; add another account instead", s.Name)
		}
		g.Go(func() error {
			err := h.places.Try(ctx, place.Place{Storage: s, Access: by})
			if err == nil {
				return nil
			}
			return syncline.WrapError(codeOfTry(err), err,
				"the account is not changed, because the object storage %q cannot be opened then: %s", s.Name, syncline.MessageOf(err))
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
	same, err := h.isSecret(ctx, by, req.Body.Password)
	if err != nil {
		return nil, err
	}
	return v6.CompareAccount200JSONResponse{IsSame: same}, nil
}

// isSecret compares the secret of an account with another one, and slows down who
// guesses.
func (h *accounts) isSecret(ctx context.Context, by place.Access, guess string) (bool, error) {
	return h.secrets.Compare(ctx, "account "+string(by.Account.ID), func() bool {
		return subtle.ConstantTimeCompare([]byte(by.Secret.Reveal()), []byte(guess)) == 1
	})
}

// access returns an account with its secret. An unknown one is CodeNotFound.
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
	return place.Access{Account: account, Secret: secret.NewString(string(plain))}, nil
}

// kb is the unit of an account's bandwidth in v6.
const kb = 1024

// setLimits takes over the limits that a body sets; 0 takes one away.
func setLimits(l *syncline.Limits, b *v6.CredentialToSend) {
	if b.MaxConnections != nil {
		l.Connections = int(*b.MaxConnections)
	}
	if b.LimitDownloadKBs != nil {
		l.BytesPerSecond = *b.LimitDownloadKBs * kb
	}
}

// accountJSON is an account in v6's form. It leaves out limits that are not set,
// because v6 has none.
func accountJSON(x syncline.Account) v6.Credential {
	answer := v6.Credential{
		AccountType: accountTypes[x.Kind], UserName: x.UserName, ID: x.ID, Description: x.Description, ManagedBy: present(x.ManagedBy),
		Links: v6.SelfLinks{Self: accountLink(x.ID)},
	}
	if n := int32(x.Limits.Connections); n > 0 {
		answer.MaxConnections = &n
	}
	if n := x.Limits.BytesPerSecond / kb; n > 0 {
		answer.LimitDownloadKBs = &n
	}
	return answer
}

func accountLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/Accounts/" + string(id)} }
