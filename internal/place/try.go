package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/resticrepo"
)

// These bound a try of a place. They are smaller than those of a session, because
// a user waits for the answer.
const (
	tryTimeout  = time.Minute
	tryAttempts = 3
	tryStall    = 20 * time.Second
)

func (o *Opener) timeout() time.Duration {
	if o.Patience > 0 {
		return o.Patience
	}
	return tryTimeout
}

// trying runs fn with the storage at a place, for a bounded time.
func (o *Opener) trying(ctx context.Context, at Place, fn func(context.Context, storage.Storage) error) error {
	within, cancel := context.WithTimeout(ctx, o.timeout())
	defer cancel()
	st, release, err := o.open(within, at)
	if err == nil {
		if at.Path == "" {
			st = storage.NewRetry(st, storage.RetryOptions{MaxElapsed: o.timeout(), MaxAttempts: tryAttempts, Stall: tryStall})
		}
		err = errors.Join(fn(within, st), release())
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = o.tooSlow(at, err)
	}
	return at.Describe(err)
}

func (o *Opener) tooSlow(at Place, err error) error {
	if at.Path != "" {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the folder did not answer within %s; check that its file system is mounted, and that the server of the file system runs", o.timeout())
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the storage did not answer within %s; check the endpoint, and whether a firewall keeps this machine out", o.timeout())
}

// CheckAccount checks an account and its secrets. It makes no request. Its errors are
// those of Kinds.CheckAccount, and the kind's own.
func (o *Opener) CheckAccount(a Access) error {
	if err := o.Kinds.CheckAccount(a); err != nil {
		return err
	}
	if s := o.Kinds.Stored(a.Account.Kind); s.Check != nil {
		return s.Check(a, o.network())
	}
	return nil
}

// Check opens the repository at a place, drops it again, and returns the id in its
// config, in hexadecimal.
func (o *Opener) Check(ctx context.Context, at Place, password string) (resticID string, err error) {
	err = o.trying(ctx, at, func(ctx context.Context, st storage.Storage) error {
		r, err := resticrepo.Open(ctx, st, password)
		if err == nil {
			resticID = r.Config().ID.String()
		}
		return err
	})
	return resticID, err
}

var errEnough = errors.New("enough")

// Try lists and reads at a place as a session does, so that every missing right
// shows. The place may be empty: only a refusal is an error.
func (o *Opener) Try(ctx context.Context, at Place) error {
	return o.trying(ctx, at, func(ctx context.Context, st storage.Storage) error {
		err := st.List(ctx, "keys", func(string, int64) error { return errEnough })
		if err != nil && !errors.Is(err, errEnough) && !isEmpty(err) {
			return err
		}
		f, err := st.Open(ctx, "config", 0, 1)
		switch {
		case isEmpty(err):
			return nil
		case err != nil:
			return err
		}
		_, err = io.Copy(io.Discard, f)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil // an empty object
		}
		return errors.Join(err, f.Close())
	})
}

// isEmpty reports whether a place has no repository yet, or one in a folder below.
func isEmpty(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && syncline.CodeOf(err) != syncline.CodeNoRepository
}

// browsing runs fn with a client for browsing, for a bounded time.
func (o *Opener) browsing(ctx context.Context, at Place, fn func(context.Context, Browser) error) error {
	kind, err := o.Kinds.of(at)
	if err != nil {
		return err
	}
	if kind.Browse == nil {
		return invalid("this kind of storage has no buckets to look into; name the repository by its address")
	}
	within, cancel := context.WithTimeout(ctx, o.timeout())
	defer cancel()
	b, err := kind.Browse(within, at, o.network())
	if err == nil {
		err = fn(within, b)
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = o.tooSlow(at, err)
	}
	return err
}

// Buckets returns the names of the buckets that the account of a place may see.
func (o *Opener) Buckets(ctx context.Context, at Place) (names []string, err error) {
	err = o.browsing(ctx, at, func(ctx context.Context, b Browser) (err error) {
		names, err = b.ListBuckets(ctx)
		return err
	})
	return names, err
}

// HasBucket reports whether the bucket of a place is there.
func (o *Opener) HasBucket(ctx context.Context, at Place) (there bool, err error) {
	err = o.browsing(ctx, at, func(ctx context.Context, b Browser) (err error) {
		there, err = b.BucketExists(ctx, at.Storage.Bucket)
		return err
	})
	return there, err
}

// Folders returns the names of the folders in the folder of a place.
func (o *Opener) Folders(ctx context.Context, at Place) (names []string, err error) {
	err = o.browsing(ctx, at, func(ctx context.Context, b Browser) (err error) {
		names, err = b.ListFolders(ctx, at.Storage.Bucket, at.Storage.Folder)
		return err
	})
	return names, err
}

// Describe gives an error of a place its code and a message for the user.
func (p Place) Describe(err error) error {
	var own *syncline.Error
	noBucket := errors.As(err, &own) && own.Code == syncline.CodeNoRepository
	if p.Path == "" && errors.Is(err, resticrepo.ErrNoRepository) && !noBucket {
		folder := "at the root"
		if p.Storage.Folder != "" {
			folder = fmt.Sprintf("in the folder %q", p.Storage.Folder)
		}
		if p.Storage.Bucket != "" {
			folder += fmt.Sprintf(" of %q", p.Storage.Bucket)
		}
		return syncline.WrapError(syncline.CodeNoRepository, err, "there is no restic repository %s (no config file and no keys); check the folder", folder)
	}
	return Translate(err)
}
