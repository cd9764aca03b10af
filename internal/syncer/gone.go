package syncer

import (
	"errors"
	"io/fs"

	"syncline.dev/syncline/resticrepo"
)

// gone reports whether an object is missing, or its file is shorter than the
// index says.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, resticrepo.ErrNotFound)
}
