package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/resticrepo"
)

// Name reads the address and the options of a repository, with what its user says.
func Name(address string, options []string, u place.User) (place.Named, error) {
	return kinds.All().Name(address, options, u)
}

// Addresses tells how the addresses of repositories are written, and which variables of
// the environment open them.
func Addresses() (forms, variables string) { return kinds.All().Forms(), kinds.All().Variables() }

// StoredAddress gives the address of a storage the one form in which a server writes it. An
// address that holds a user or a secret, which a server refuses, stays as it is, as does a
// text that is no address.
func StoredAddress(text string) string {
	known := kinds.All()
	p, err := known.Parse(text)
	if err != nil || p.Path != "" || p.Access.Account.UserName != "" || len(p.Access.Secrets) > 0 {
		return text
	}
	return known.Address(p)
}

// reach opens the storage. It makes no request.
func (e *Engine) reach(ctx context.Context) (storage.Storage, *place.Opened, error) {
	network, err := e.Network()
	if err != nil {
		return nil, nil, err
	}
	opener := place.Opener{Kinds: kinds.All(), Network: network, Retry: storage.RetryOptions{Stall: e.Stall}}
	st, opened, err := opener.Reach(ctx, e.Place.Place, func(ev storage.Event) {
		e.Note("%s", ev)
	})
	if err != nil {
		return nil, nil, err
	}
	return st, &opened, nil
}

// open opens the storage and then, with the password, the repository in it.
func (e *Engine) open(ctx context.Context, beside func(context.Context, storage.Storage)) (*place.Opened, error) {
	st, r, err := e.reach(ctx)
	if err != nil {
		return nil, err
	}
	return r, e.unlock(ctx, st, r, &ahead{}, beside)
}

// unlock opens the repository in r with the password, and with what was seen ahead. beside
// runs with the storage while the key is derived. unlock waits for it, and cancels it when
// the key cannot be derived. It closes r when it fails.
func (e *Engine) unlock(ctx context.Context, st storage.Storage, r *place.Opened, seen *ahead, beside func(context.Context, storage.Storage)) error {
	var err error
	var password string
	given := seen.key.taken()
	try := func(string) (err error) {
		r.Repository, err = seen.key.wait(ctx)
		return e.translate(err)
	}
	if !given {
		try = func(password string) (err error) {
			r.Repository, err = e.openWith(ctx, st, seen.sealed, password)
			return e.translate(err)
		}
		if password, given, err = e.Password(ctx); err == nil && !given && seen.sealed == nil {
			err = lookForRepository(ctx, st)
		}
	}
	if err == nil {
		aside, cancel := context.WithCancel(ctx)
		defer cancel()
		var running sync.WaitGroup
		if given { // no user is asked, so the answer is used at once
			running.Go(func() { beside(aside, st) })
			err = try(password)
		} else {
			err = e.AskPassword(ctx, try)
		}
		if err != nil {
			cancel()
		}
		running.Wait()
	}
	if err != nil {
		return errors.Join(e.translate(err), r.Close())
	}
	return nil
}

// openWith opens the repository, of which a check may have seen what is sealed.
func (e *Engine) openWith(ctx context.Context, st storage.Storage, sealed *resticrepo.Sealed, password string) (*resticrepo.Repository, error) {
	if sealed != nil {
		return sealed.Open(ctx, st, password, e.KeyHint)
	}
	return resticrepo.OpenWithHint(ctx, st, password, e.KeyHint)
}

// lookForRepository fails where there is no repository, so that the user is not
// asked for its password.
func lookForRepository(ctx context.Context, st storage.Storage) error {
	f, err := st.Open(ctx, "config", 0, 1)
	if errors.Is(err, fs.ErrNotExist) && syncline.CodeOf(err) != syncline.CodeNoRepository {
		return resticrepo.ErrNoRepository
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return errors.Join(err, f.Close())
}

// translate gives an error its code, and the words of the command line where those
// of the server do not fit.
func (e *Engine) translate(err error) error {
	var own *syncline.Error
	switch {
	case errors.Is(err, resticrepo.ErrWrongPassword):
		return syncline.WrapError(syncline.CodeWrongPassword, err, "wrong password or no key found for the repository at %s", e.Place.Name)
	case errors.As(err, &own) && own.Code == syncline.CodeNoRepository:
		return own // there is not even a bucket; the storage's own words say so
	case errors.Is(err, resticrepo.ErrNoRepository):
		return syncline.WrapError(syncline.CodeNoRepository, err, "there is no restic repository at %s (no config file and no keys)", e.Place.Name)
	}
	return place.Translate(err)
}
