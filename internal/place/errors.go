package place

import (
	"errors"
	"io/fs"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/oserr"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/resticrepo"
)

// ToConfirm returns the setting that would let a place open, once its user has confirmed
// it; nil where an error is of another sort.
func ToConfirm(err error) map[string]string {
	var e *storage.UnconfirmedError
	if !errors.As(err, &e) {
		return nil
	}
	return map[string]string{e.Setting: e.Value}
}

// SettingToBlame returns the name of the setting that keeps a place from opening, "" where
// an error is of another sort.
func SettingToBlame(err error) string {
	var e *storage.SettingError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Setting
}

// Translate gives an error of the repository reader its code and a message for
// the user. Errors that have a code keep it.
func Translate(err error) error {
	var own *syncline.Error
	var damage *resticrepo.DamageError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own) && own.Code == syncline.CodeNoRepository:
		return own // there is not even the bucket: the storage says it best
	case errors.Is(err, resticrepo.ErrWrongPassword):
		return syncline.WrapError(syncline.CodeWrongPassword, err,
			"wrong password: it opens none of the repository's keys; check the encryption key")
	case errors.Is(err, resticrepo.ErrNoRepository):
		return syncline.WrapError(syncline.CodeNoRepository, err,
			"there is no restic repository at this place (no config file and no keys); check the path, bucket and folder")
	case errors.Is(err, resticrepo.ErrUnsupportedVersion):
		return syncline.WrapError(syncline.CodeUnsupported, err,
			"the repository has a format version that this Syncline does not read (1 and 2 are); update Syncline")
	case errors.As(err, &damage):
		return syncline.WrapError(syncline.CodeDamaged, err,
			"the repository is damaged: %s: %s; run restic check on it", damage.Object, damage.Reason)
	case errors.As(err, &own):
		return err
	case oserr.NoHandles(err):
		return syncline.WrapError(syncline.CodeUnavailable, err, "the repository cannot be read: %s", oserr.Advice(err, ""))
	case errors.Is(err, fs.ErrPermission):
		return syncline.WrapError(syncline.CodeUnavailable, err,
			"the repository cannot be read: access is denied; check the rights of the account that Syncline uses")
	case errors.Is(err, fs.ErrNotExist):
		return syncline.WrapError(syncline.CodeNoRepository, err,
			"a file or folder of the repository is gone; check that the place is there and mounted, then synchronize again")
	}
	return err
}
