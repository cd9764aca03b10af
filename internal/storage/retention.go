package storage

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"time"
)

// Kept is what a storage tells of the removal of one file.
type Kept struct {
	Until    time.Time // the file cannot be removed before; zero for no such time
	Hold     bool      // the file cannot be removed at all, until a hold ends
	Archived bool      // the file lies in a class that cannot be read at once
	Class    string    // the name of that class, where the storage tells it
	// Untold is set where the storage does not tell of Until, for example because the
	// credentials have no right to ask.
	Untold bool
}

// Rights is what credentials may do, as far as the storage tells without a try.
type Rights string

// The rights.
const (
	RightsUnknown Rights = "Unknown"
	RightsRead    Rights = "ReadOnly"
	RightsChange  Rights = "MayChange"
)

// Keeper is a storage that tells of the removal of its files. It changes nothing.
type Keeper interface {
	// Locks reports whether files of the bucket can be kept from removal at all, and names
	// the rule for new files, "" for none. An error that matches fs.ErrPermission stands for
	// a storage that does not tell.
	Locks(ctx context.Context) (can bool, rule string, err error)
	// Kept tells of a file. Its errors are as those of Open.
	Kept(ctx context.Context, name string) (Kept, error)
	// Rights tells of the credentials.
	Rights(ctx context.Context) (Rights, error)
}

// Retention is what a look at a storage has found.
type Retention struct {
	// Told is false where the storage does not tell until when files are kept.
	Told bool
	// Oldest and Newest are the first and the last end of retention among the files that
	// were looked at; zero where none is kept.
	Oldest, Newest time.Time
	Rule           string // for new files, as the storage tells it
	Looked         int    // files
	Kept           int    // of these, with a time
	Held           int    // of these, with a hold
	Archived       int    // of these, in an archive class
	Class          string // the archive class of the first of them, where the storage tells it
	// Whole is true where the answer holds for all files: the bucket can keep none. Otherwise
	// the files are a sample.
	Whole  bool
	Rights Rights
}

// sample is how many files of each folder are looked at. The packs are those of two of the
// 256 folders.
var sample = []struct {
	dir  string
	most int
}{{"keys", 2}, {"snapshots", 6}, {"index", 4}, {"data/00", 4}, {"data/80", 4}}

var errSampled = errors.New("enough")

// LookAtRetention looks at a sample of a repository's files: 21 at most, with two requests
// for each, and a page of a listing for each folder.
func LookAtRetention(ctx context.Context, st Storage, k Keeper) (Retention, error) {
	r := Retention{Rights: RightsUnknown}
	rights, err := k.Rights(ctx)
	if err == nil {
		r.Rights = rights
	} else if !errors.Is(err, fs.ErrPermission) {
		return r, err
	}
	can, rule, err := k.Locks(ctx)
	switch {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return r, err
	case err == nil && !can:
		r.Told, r.Whole = true, true
	case err == nil:
		r.Told, r.Rule = true, rule
	}
	names := []string{"config"}
	for _, part := range sample {
		left := part.most
		err := st.List(ctx, part.dir, func(name string, _ int64) error {
			names = append(names, name)
			if left--; left == 0 {
				return errSampled
			}
			return nil
		})
		if err != nil && !errors.Is(err, errSampled) {
			return r, err
		}
	}
	untold := 0
	for _, name := range names {
		kept, err := k.Kept(ctx, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // removed meanwhile
		case errors.Is(err, fs.ErrPermission):
			untold++
			continue
		case err != nil:
			return r, err
		}
		r.add(kept)
		if kept.Untold {
			untold++
		}
	}
	if r.Kept+r.Held > 0 {
		r.Told = true
	} else if untold > 0 && !r.Whole {
		r.Told = false
	}
	return r, nil
}

func (r *Retention) add(k Kept) {
	r.Looked++
	if k.Hold {
		r.Held++
	}
	if k.Archived {
		r.Archived++
		r.Class = cmp.Or(r.Class, k.Class)
	}
	if k.Until.IsZero() {
		return
	}
	r.Kept++
	if r.Oldest.IsZero() || k.Until.Before(r.Oldest) {
		r.Oldest = k.Until
	}
	if k.Until.After(r.Newest) {
		r.Newest = k.Until
	}
}
