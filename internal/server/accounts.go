package server

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// accounts are the stored accounts. A change of an account's limits takes effect
// at once, also for running sessions.
type accounts struct {
	accountStore
	limits accountLimits
}

// accountLimits bound what is read with accounts.
type accountLimits interface {
	SetLimits(a syncline.Account)
	Forget(account syncline.ID)
}

// accountStore is store.Accounts under a name that none of its methods has.
type accountStore = store.Accounts

func (a accounts) UpdateAccount(ctx context.Context, x syncline.Account, sealed []byte) error {
	if err := a.accountStore.UpdateAccount(ctx, x, sealed); err != nil {
		return err
	}
	a.limits.SetLimits(x)
	return nil
}

func (a accounts) DeleteAccount(ctx context.Context, id syncline.ID) error {
	if err := a.accountStore.DeleteAccount(ctx, id); err != nil {
		return err
	}
	a.limits.Forget(id)
	return nil
}
