package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/address"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// location is where a repository lies.
type location struct {
	// name is for people, and has no secret in it.
	name string
	// key is the same for the same place: the name, and what of the environment
	// tells two places of that name apart.
	key     string
	address address.Address
	options options
}

// location reads which repository is meant.
func (e *environment) location() (location, error) {
	text := e.repo
	switch {
	case e.repo == "" && e.repositoryFile == "":
		return location{}, usageError("Please specify repository location (-r or --repository-file)")
	case e.repo != "" && e.repositoryFile != "":
		return location{}, usageError("Options -r and --repository-file are mutually exclusive, please specify only one")
	case e.repo == "":
		var err error
		if text, err = readTextFile(e.repositoryFile); err != nil {
			return location{}, err
		}
	}
	a, err := address.Parse(text)
	if err != nil {
		return location{}, err
	}
	if a.Scheme == address.Local {
		if a.Path, err = filepath.Abs(a.Path); err != nil {
			return location{}, syncline.WrapError(syncline.CodeInvalid, err, "the repository's path cannot be completed; name it from the root of the file system")
		}
	}
	at := location{name: a.String(), key: a.String(), address: a}
	if at.options, err = e.backendOptions(a.Scheme); err != nil {
		return location{}, err
	}
	if more := backends[a.Scheme].key; more != nil {
		at.key += more(e, at.options)
	}
	return at, nil
}

// remote is an opened repository and what its storage was asked.
type remote struct {
	repo    *resticrepo.Repository
	counter *storage.Counter
	place
}

// openRepository opens the storage and then, with the password, the
// repository in it. beside is called with the storage and runs while the key is
// derived; it is waited for, and canceled when that fails.
func (e *environment) openRepository(ctx context.Context, at location, beside func(context.Context, storage.Storage)) (*remote, error) {
	password, given, err := e.givenPassword(ctx)
	if err != nil {
		return nil, err
	}
	p, err := backends[at.address.Scheme].open(ctx, e, at.address, at.options)
	if err != nil {
		return nil, err
	}
	hugePages()
	r := &remote{counter: storage.NewCounter(p.storage), place: p}
	within, err := e.limited(r.counter, at)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	tries, err := at.options.tries()
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	st := storage.NewRetry(within, storage.RetryOptions{Stall: e.stuckTimeout, MaxAttempts: tries, OnEvent: func(ev storage.Event) {
		e.note("%s of %s failed and is tried again: %s", ev.Kind, ev.Name, syncline.MessageOf(ev.Err))
	}})
	if !given {
		err = lookForRepository(ctx, st)
	}
	if err == nil {
		aside, cancel := context.WithCancel(ctx)
		defer cancel()
		var running sync.WaitGroup
		if given { // nobody is asked, so it is soon made use of
			running.Go(func() { beside(aside, st) })
		}
		err = e.withPassword(ctx, password, given, func(password string) (err error) {
			r.repo, err = resticrepo.OpenWithHint(ctx, st, password, e.keyHint)
			return translate(err, at)
		})
		if err != nil {
			cancel()
		}
		running.Wait()
	}
	if err != nil {
		return nil, errors.Join(translate(err, at), p.close())
	}
	return r, nil
}

// lookForRepository spares the user a question for the password of nothing.
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

// translate says in the command line's words what the server's would not fit.
func translate(err error, at location) error {
	var own *syncline.Error
	switch {
	case errors.Is(err, resticrepo.ErrWrongPassword):
		return syncline.WrapError(syncline.CodeWrongPassword, err, "wrong password or no key found for the repository at %s", at.name)
	case errors.As(err, &own) && own.Code == syncline.CodeNoRepository:
		return own // there is not even the bucket: the storage says it best
	case errors.Is(err, resticrepo.ErrNoRepository):
		return syncline.WrapError(syncline.CodeNoRepository, err, "there is no restic repository at %s (no config file and no keys)", at.name)
	}
	return syncer.Translate(err)
}
