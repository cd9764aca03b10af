//go:build !linux

package restore

import (
	"errors"
	"os"
)

// Created is a file that a command writes to.
type Created struct{ *os.File }

// Create opens the file at path for writing and empties it. It makes a missing
// file.
func Create(path string) (*Created, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Created{f}, nil
}

// Discard closes the file. It removes a regular file.
func (c *Created) Discard() error {
	fi, err := c.Stat()
	err = errors.Join(err, c.Close())
	if err == nil && fi.Mode().IsRegular() {
		err = os.Remove(c.Name())
	}
	return err
}
