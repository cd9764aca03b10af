package main

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

// location reads which repository is meant.
func (e *environment) location() (place.Named, error) {
	text := e.repo
	switch {
	case e.repo == "" && e.repositoryFile == "":
		return place.Named{}, usageError("Please specify repository location (-r or --repository-file)")
	case e.repo != "" && e.repositoryFile != "":
		return place.Named{}, usageError("Options -r and --repository-file are mutually exclusive, please specify only one")
	case e.repo == "":
		var err error
		if text, err = readTextFile(e.repositoryFile); err != nil {
			return place.Named{}, err
		}
	}
	return kinds.All().Name(text, e.options, place.User{Getenv: e.getenv, BytesPerSecond: e.limitDownload << 10})
}

// openRepository opens the storage and then, with the password, the
// repository in it. beside is called with the storage and runs while the key is
// derived; it is waited for, and canceled when that fails.
func (e *environment) openRepository(ctx context.Context, at place.Named, beside func(context.Context, storage.Storage)) (*place.Opened, error) {
	password, given, err := e.givenPassword(ctx)
	if err != nil {
		return nil, err
	}
	network, err := e.network()
	if err != nil {
		return nil, err
	}
	opener := place.Opener{Kinds: kinds.All(), Network: network, Retry: storage.RetryOptions{Stall: e.stuckTimeout}}
	st, opened, err := opener.Reach(ctx, at.Place, func(ev storage.Event) {
		e.note("%s of %s failed and is tried again: %s", ev.Kind, ev.Name, syncline.MessageOf(ev.Err))
	})
	if err != nil {
		return nil, err
	}
	r := &opened
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
			r.Repository, err = resticrepo.OpenWithHint(ctx, st, password, e.keyHint)
			return translate(err, at)
		})
		if err != nil {
			cancel()
		}
		running.Wait()
	}
	if err != nil {
		return nil, errors.Join(translate(err, at), r.Close())
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
func translate(err error, at place.Named) error {
	var own *syncline.Error
	switch {
	case errors.Is(err, resticrepo.ErrWrongPassword):
		return syncline.WrapError(syncline.CodeWrongPassword, err, "wrong password or no key found for the repository at %s", at.Name)
	case errors.As(err, &own) && own.Code == syncline.CodeNoRepository:
		return own // there is not even the bucket: the storage says it best
	case errors.Is(err, resticrepo.ErrNoRepository):
		return syncline.WrapError(syncline.CodeNoRepository, err, "there is no restic repository at %s (no config file and no keys)", at.Name)
	}
	return place.Translate(err)
}
