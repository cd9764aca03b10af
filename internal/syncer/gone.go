package syncer

import (
	"errors"
	"io/fs"

	"syncline.dev/syncline/resticrepo"
)

// gone reports whether an object was not where it should be: missing, or its
// file shorter than the index says.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, resticrepo.ErrNotFound)
}
