package resticrepo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of the key derivation. They keep a hostile key file from taking the
// machine's memory or time. restic calibrates to half a second and 60 MiB, with
// r = 8. On a busy machine its N is small, and p is large to fill the time.
const (
	maxScryptN      = 1 << 20
	maxScryptR      = 64
	maxScryptMemory = 1 << 30 // bytes: 128·N·r
	maxScryptBlocks = 1 << 20 // r·p, of 128 bytes each
	maxScryptWork   = 1 << 24 // N·r·p
	// maxKeys bounds how many key files are tried.
	maxKeys = 100
)

// keyFile is a file in keys/.
type keyFile struct {
	KDF  string `json:"kdf"`
	N    int64  `json:"N"`
	R    int64  `json:"r"`
	P    int64  `json:"p"`
	Salt []byte `json:"salt"`
	Data []byte `json:"data"`
}

// masterKey is the content of a key file, sealed with the password.
type masterKey struct {
	MAC struct {
		K []byte `json:"k"`
		R []byte `json:"r"`
	} `json:"mac"`
	Encrypt []byte `json:"encrypt"`
}

func (f *keyFile) check() error {
	if f.KDF != "scrypt" {
		return fmt.Errorf("its key derivation function %q is not known", clip(f.KDF))
	}
	if f.N < 2 || f.N > maxScryptN || f.N&(f.N-1) != 0 ||
		f.R < 1 || f.R > maxScryptR || f.P < 1 || f.P > maxScryptBlocks ||
		128*f.N*f.R > maxScryptMemory || f.R*f.P > maxScryptBlocks || f.N*f.R*f.P > maxScryptWork {
		return fmt.Errorf("its scrypt parameters N=%d, r=%d, p=%d are out of bounds", f.N, f.R, f.P)
	}
	if len(f.Salt) == 0 {
		return errors.New("it has no salt")
	}
	if len(f.Data) < overhead {
		return errors.New("its data is too short")
	}
	return nil
}

// userKey derives the key that seals the master key.
func (f *keyFile) userKey(password string) (*cryptoKey, error) {
	derived, err := deriveKey(password, f.Salt, int(f.N), int(f.R), int(f.P), 64)
	if err != nil {
		return nil, fmt.Errorf("derive the key: %w", err)
	}
	return newCryptoKey(derived[:32], derived[32:48], derived[48:])
}

// openMaster derives the user's key from the password and opens the master key
// with it. errBadMAC means that the password belongs to another key.
func (f *keyFile) openMaster(password string) (*cryptoKey, error) {
	user, err := f.userKey(password)
	if err != nil {
		return nil, err
	}
	plain, err := user.open(f.Data)
	if err != nil {
		return nil, err
	}
	var m masterKey
	if err := json.Unmarshal(plain, &m); err != nil {
		// The cause could quote the plaintext, which is secret.
		return nil, errors.New("the master key in it is not valid JSON")
	}
	return newCryptoKey(m.Encrypt, m.MAC.K, m.MAC.R)
}

// hinted returns the key files, with the one that hint names in front.
func hinted(files []File, hint string) []File {
	at := -1
	for i := range files {
		if !strings.HasPrefix(files[i].ID.String(), hint) {
			continue
		}
		if at >= 0 {
			return files
		}
		at = i
	}
	if hint == "" || at < 0 {
		return files
	}
	return slices.Concat(files[at:at+1], files[:at], files[at+1:])
}

// openKey tries the key files in turn. It returns the first key that fits the
// password and opens the sealed configuration. The second condition is needed
// because a folder can also hold keys of another repository.
func openKey(ctx context.Context, st Storage, files []File, password string, config []byte) (*cryptoKey, ID, error) {
	tried, foreign := false, false
	var firstErr error
	for _, file := range files[:min(len(files), maxKeys)] {
		if err := ctx.Err(); err != nil {
			return nil, ID{}, err
		}
		name := "keys/" + file.ID.String()
		f, err := loadKey(ctx, st, name, file)
		var key *cryptoKey
		if err == nil {
			tried = true
			key, err = f.openMaster(password)
			if err == nil {
				if _, err = key.open(bytes.Clone(config)); err == nil { // open writes over its argument
					return key, file.ID, nil
				}
				foreign = true
				continue
			}
			if errors.Is(err, errBadMAC) {
				continue
			}
			err = &DamageError{Object: name, Reason: "it cannot be used", Err: err}
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
			return nil, ID{}, err // an error of the storage: another key would not help
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	switch {
	case foreign:
		return nil, ID{}, &DamageError{Object: "config", Reason: "it cannot be decrypted with the key that the password opens: it is damaged, or the folder holds the remains of two repositories"}
	case tried || firstErr == nil:
		return nil, ID{}, ErrWrongPassword
	}
	return nil, ID{}, &DamageError{Object: "keys", Reason: "no key file can be used", Err: firstErr}
}

// openOther lists the keys again and tries those that are not in tried, as
// openKey does. A first listing can leave out the very key that fits.
func openOther(ctx context.Context, st Storage, tried []File, password string, config []byte) (*cryptoKey, ID, error) {
	files, err := listFiles(ctx, st, "keys")
	if err != nil {
		return nil, ID{}, err
	}
	files = slices.DeleteFunc(files, func(f File) bool { return slices.ContainsFunc(tried, func(t File) bool { return t.ID == f.ID }) })
	return openKey(ctx, st, files, password, config)
}

func loadKey(ctx context.Context, st Storage, name string, file File) (*keyFile, error) {
	buf, err := readNamed(ctx, st, name, file, MaxKeySize)
	if err != nil {
		return nil, err
	}
	var f keyFile
	if err := json.Unmarshal(buf, &f); err != nil {
		return nil, &DamageError{Object: name, Reason: "it is not valid JSON", Err: err}
	}
	if err := f.check(); err != nil {
		return nil, &DamageError{Object: name, Reason: "it cannot be used", Err: err}
	}
	return &f, nil
}
