package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/crypto/chacha20poly1305"

	"syncline.dev/syncline"
)

const keySize = chacha20poly1305.KeySize // 32 bytes

// OpenKeyFile returns the box with the key in the file at path: 32 random
// bytes.
//
// If the file is missing and mayCreate is true, it makes a file that only its
// owner can read. The caller passes true only before anything is sealed, that
// is, before the database exists: a new key opens no secret of an existing
// database. A file that others may read or change is refused. Errors are
// CodeUnavailable.
func OpenKeyFile(path string, mayCreate bool) (*Box, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !mayCreate {
			return nil, syncline.WrapError(syncline.CodeUnavailable, err,
				"the key file of the server's database is missing; put it back from a backup, or name its place with --secret-key-file (without it the stored passwords cannot be read)")
		}
		key, err = createKey(path)
		if errors.Is(err, fs.ErrExist) { // another process was faster
			key, err = readKey(path)
		}
	}
	if err != nil {
		return nil, asDomain(err, "the server's key file cannot be opened; check that it belongs to the server's user, and that the data directory may be written to")
	}
	return newBox(key)
}

// OpenGivenKeyFile returns the box with the key in the file at path, which the operator
// made and named. It makes no file. A key of another content in the file kept, which
// the server made at an earlier start, is refused: secrets that were sealed with one of
// the keys do not open with the other. Errors are CodeInvalid and name the file.
func OpenGivenKeyFile(path, kept string) (*Box, error) {
	key, err := readGiven(path, "name the file with the key", keySize+1)
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the file %s must hold a key of exactly %d bytes, for example from: head -c %d /dev/urandom", path, keySize, keySize)
	}
	switch before, err := readKey(kept); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, asDomain(err, "the key file in the data directory cannot be read; check its rights, or move it away if it is not used")
	case subtle.ConstantTimeCompare(key, before) != 1:
		return nil, syncline.Errorf(syncline.CodeInvalid,
			"%s holds another key than %s, which sealed the stored passwords; leave the flag out, or name a copy of that key", path, kept)
	}
	return newBox(key)
}

func asDomain(err error, message string) error {
	var domain *syncline.Error
	if errors.As(err, &domain) {
		return err
	}
	return &syncline.Error{Code: syncline.CodeUnavailable, Message: message, Err: err}
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, syncline.WrapError(syncline.CodeUnavailable, fmt.Errorf("%s is a %v", path, info.Mode()),
			"the server's key file is no regular file; move what lies in its place away and put the key file back")
	}
	if exposed(info) {
		return nil, syncline.WrapError(syncline.CodeUnavailable, fmt.Errorf("mode of %s is %v", path, info.Mode().Perm()),
			"the server's key file can be read or changed by other users; set its mode to 0600 (chmod 600) and start again")
	}
	key, err := io.ReadAll(io.LimitReader(f, keySize+1))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if len(key) != keySize {
		return nil, syncline.WrapError(syncline.CodeUnavailable, fmt.Errorf("%s has %d bytes", path, info.Size()),
			"the server's key file does not hold exactly %d bytes; put it back from a backup, or delete it if the server never finished its first start", keySize)
	}
	return key, nil
}

// createKey first makes the file under another name, so that a crash leaves no
// half of a key at path. It gives the file its name only if the name is free.
func createKey(path string) (key []byte, err error) {
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, but ends the program

	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // exclusive, mode 0600
	if err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	defer func() {
		if removed := os.Remove(f.Name()); err == nil && removed != nil {
			err = fmt.Errorf("remove key file's first name: %w", removed)
		}
	}()
	_, err = f.Write(key)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return nil, fmt.Errorf("name key file: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, fmt.Errorf("flush the key file's folder: %w", err)
	}
	return key, nil
}

// syncDir makes a new name in dir survive a power failure.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // it has no such call
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
