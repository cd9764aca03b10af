package api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// A kept secret that is sent goes to the hosts that it was given for, and to no others:
// nobody who may change accounts and places leads it to a host of their own. The hosts of
// an account are those of the object storages that use it. The first of them chooses for an
// account that nothing uses.

// placesOf returns the places of the object storages that use an account.
func (h *accounts) placesOf(ctx context.Context, by place.Access) ([]place.Place, error) {
	storages, err := h.storages.ObjectStorages(ctx)
	if err != nil {
		return nil, err
	}
	var places []place.Place
	for _, s := range storages {
		if s.AccountID == by.Account.ID {
			places = append(places, place.Place{Storage: s, Access: by})
		}
	}
	return places, nil
}

// refuseNewHost fails when the kept secrets of an account would go to another host.
func (h *accounts) refuseNewHost(ctx context.Context, at place.Place) error {
	if len(at.Access.Secrets) == 0 {
		return nil
	}
	uses, err := h.placesOf(ctx, at.Access)
	if err != nil || len(uses) == 0 {
		return err
	}
	if host := h.kinds.NewHost(at, uses); host != "" {
		return invalid("accountId: the account keeps its secret for other hosts, and does not show it to %s; add an account with the secret for this host, and name that one", host)
	}
	return nil
}

// refuseLeading fails when a change of an account leads its secrets to another host, and
// the request does not have them.
func (h *accounts) refuseLeading(kept, by place.Access, sent *v6.CredentialToSend) error {
	of := func(a place.Access) place.Place {
		return place.Place{Storage: syncline.ObjectStorage{Kind: a.Account.Kind}, Access: a}
	}
	host := h.kinds.NewHost(of(by), []place.Place{of(kept)})
	if host == "" {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(by.Secrets)) {
		given := name == place.Password && (sent.Password != nil || sent.NewPassword != nil)
		for other := range deref(sent.Secrets) {
			given = given || strings.EqualFold(other, name)
		}
		if !given {
			return invalid("%s is required: the change leads it to %s, and a secret is shown to another host only when it is given again", place.SecretPath(name), host)
		}
	}
	return nil
}
