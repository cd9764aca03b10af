package server

import (
	"errors"
	"os"
	"path/filepath"
)

// initialPasswordFile holds a random first password where standard output is no
// terminal.
const initialPasswordFile = "initial-password"

// FirstPassword is the password of the administrator at the first start of a server.
type FirstPassword struct {
	Password string
	Origin   string // the variable that names it, "" when it is made here
	// Created is called when the user is there; nil for nothing to do.
	Created func() error
	// Discarded is called when another process has made the user meanwhile; nil for
	// nothing to do.
	Discarded func() error
}

// WriteInitialPassword writes a password to a file in a data directory that only
// its owner reads, and returns the file's path. It replaces the file of an
// unfinished first start.
func WriteInitialPassword(data, password string) (file string, err error) {
	file = filepath.Join(data, initialPasswordFile)
	if err := RemoveInitialPassword(file); err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", cannotUse(err, data)
	}
	_, err = f.WriteString(password + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", cannotUse(err, data)
	}
	return file, nil
}

// RemoveInitialPassword removes the file of WriteInitialPassword, if it is there.
func RemoveInitialPassword(file string) error { return removeFile(file) }
