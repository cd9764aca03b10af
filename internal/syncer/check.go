package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/resticrepo"
)

// ErrEmptied matches the error for a repository without files of which the catalog knows
// some.
var ErrEmptied = errors.New("the repository was emptied")

// Finding is what a check finds.
type Finding struct {
	// New is whether a session has something to do: names in the repository that the
	// catalog has not, or the other way round, or work that was left unfinished.
	New bool
	// Resealed is whether the configuration or the keys are others than at the end of
	// the last session. It implies New.
	Resealed bool
	// Whole is whether the catalog shows all snapshots with all of their folders.
	Whole bool
	// Listing tells states of the repository apart.
	Listing string
	// Snapshots are the files in the repository.
	Snapshots []resticrepo.File
	// Sealed opens with the password.
	Sealed *resticrepo.Sealed
}

// Check compares the names at a repository's place with its catalog. It makes three
// listings and reads the configuration, and derives no key. early is as in
// resticrepo.LookAt.
func Check(ctx context.Context, st resticrepo.Storage, c *catalog.Catalog, early func(*resticrepo.Sealed)) (Finding, error) {
	look, err := Look(ctx, st, early)
	if err != nil {
		return Finding{}, err
	}
	return Compare(ctx, look, c)
}

// Look is resticrepo.LookAt with messages for users.
func Look(ctx context.Context, st resticrepo.Storage, early func(*resticrepo.Sealed)) (*resticrepo.Look, error) {
	look, err := resticrepo.LookAt(ctx, st, early)
	return look, place.Translate(err)
}

// Compare compares what lies at a repository's place with its catalog, nil for none. An
// empty folder of which the catalog knows files is ErrEmptied and CodeDamaged: a disk
// that is not mounted looks like this.
func Compare(ctx context.Context, look *resticrepo.Look, c *catalog.Catalog) (Finding, error) {
	f := Finding{New: true, Listing: listing(look), Snapshots: look.Snapshots, Sealed: look.Sealed}
	if c == nil {
		return f, nil
	}
	err := c.View(ctx, func(v *catalog.View) error { return f.compare(v, look) })
	return f, err
}

// listing is a short hash of all names.
func listing(look *resticrepo.Look) string {
	h := sha256.New()
	for _, files := range [][]resticrepo.File{look.Snapshots, look.Indexes} {
		for i := range files {
			h.Write(files[i].ID[:])
		}
		h.Write(look.Seal[:]) // also the end of a list
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (f *Finding) compare(v *catalog.View, look *resticrepo.Look) error {
	shown, err := v.Snapshots()
	if err != nil {
		return err
	}
	hidden, err := v.Hidden()
	if err != nil {
		return err
	}
	indexes, err := v.Indexes()
	if err != nil {
		return err
	}
	if dir := emptied(len(shown)+len(hidden), len(indexes), look); dir != "" {
		return syncline.WrapError(syncline.CodeDamaged, ErrEmptied,
			"the repository's folder %q is empty or gone, and %s known from it; check that the storage is there and mounted",
			dir, plural(len(shown)+len(hidden), "snapshot is", "snapshots are"))
	}
	var known, read names
	unfinished := len(hidden) > 0
	for i := range shown {
		known.add(shown[i].ID)
	}
	for _, x := range indexes {
		read.add(x.ID)
		unfinished = unfinished || !x.Done
	}
	_, synchronized := v.Mark()
	f.Resealed = v.Seal() != syncline.Hash(look.Seal)
	f.New = f.Resealed || unfinished || !synchronized || !known.equal(look.Snapshots) || !read.equal(look.Indexes)
	f.Whole = !unfinished && v.Lost() == 0
	return nil
}

// emptied names a folder whose listing is empty although the catalog knows files of it,
// "" for none.
func emptied(snapshots, indexes int, look *resticrepo.Look) string {
	switch {
	case snapshots > 0 && len(look.Snapshots) == 0:
		return "snapshots"
	case indexes > 0 && len(look.Indexes) == 0:
		return "index"
	}
	return ""
}

// names is a set of files.
type names map[syncline.Hash]bool

func (n *names) add(h syncline.Hash) {
	if *n == nil {
		*n = make(names)
	}
	(*n)[h] = true
}

// equal reports whether a listing has the same files.
func (n names) equal(files []resticrepo.File) bool {
	if len(files) != len(n) {
		return false
	}
	for i := range files {
		if !n[syncline.Hash(files[i].ID)] {
			return false
		}
	}
	return true
}
