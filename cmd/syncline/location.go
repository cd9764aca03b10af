package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// location is where a repository lies.
type location struct {
	// name is the same for the same place, and has no secret in it.
	name string
	path string // of a local folder
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
	return parseLocation(text)
}

// parseLocation reads a location in restic's form.
func parseLocation(text string) (location, error) {
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case found && scheme == "local":
		text = rest
	case found && !isPath(text):
		return location{}, syncline.Errorf(syncline.CodeInvalid,
			"repositories at %q cannot be read by this version; a local directory with a colon in its name needs local: in front", clipText(scheme+":"))
	}
	if text == "" {
		return location{}, usageError("the repository's location is empty")
	}
	path, err := filepath.Abs(text)
	if err != nil {
		return location{}, syncline.WrapError(syncline.CodeInvalid, err, "the repository's path cannot be completed; name it from the root of the file system")
	}
	return location{name: "local:" + path, path: path}, nil
}

// isPath tells a path with a colon in it from a scheme.
func isPath(s string) bool {
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, `\`) || strings.HasPrefix(s, "../") || strings.HasPrefix(s, `..\`) {
		return true
	}
	drive := len(s) >= 3 && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') && s[1] == ':'
	return drive && (s[2] == '\\' || s[2] == '/')
}

func clipText(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// remote is an opened repository and what its storage was asked.
type remote struct {
	repo    *resticrepo.Repository
	counter *storage.Counter
	close   func() error
	maxRead int64
}

// openRepository opens the storage and then, with the password, the
// repository in it.
func (e *environment) openRepository(ctx context.Context, at location) (*remote, error) {
	password, given, err := e.givenPassword(ctx)
	if err != nil {
		return nil, err
	}
	place, err := local.Open(at.path)
	if err != nil {
		return nil, err
	}
	r := &remote{counter: storage.NewCounter(place), close: place.Close, maxRead: maxLocalRead}
	st := storage.NewRetry(r.counter, storage.RetryOptions{OnEvent: func(ev storage.Event) {
		e.note("%s of %s failed and is tried again: %s", ev.Kind, ev.Name, syncline.MessageOf(ev.Err))
	}})
	if !given {
		err = lookForRepository(ctx, st)
	}
	if err == nil {
		err = e.withPassword(ctx, password, given, func(password string) (err error) {
			r.repo, err = resticrepo.Open(ctx, st, password)
			return translate(err, at)
		})
	}
	if err != nil {
		return nil, errors.Join(translate(err, at), place.Close())
	}
	return r, nil
}

// lookForRepository spares the user a question for the password of nothing.
func lookForRepository(ctx context.Context, st storage.Storage) error {
	f, err := st.Open(ctx, "config", 0, 1)
	if errors.Is(err, fs.ErrNotExist) {
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
	switch {
	case errors.Is(err, resticrepo.ErrWrongPassword):
		return syncline.WrapError(syncline.CodeWrongPassword, err, "wrong password or no key found for the repository at %s", at.name)
	case errors.Is(err, resticrepo.ErrNoRepository):
		return syncline.WrapError(syncline.CodeNoRepository, err, "there is no restic repository at %s (no config file and no keys)", at.name)
	}
	return syncer.Translate(err)
}
