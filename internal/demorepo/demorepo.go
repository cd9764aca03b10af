// Package demorepo contains a small repository that restic made: some weeks of
// a software project, backed up from two computers in fourteen snapshots. The
// package unpacks the repository and moves the dates of its snapshots, so that
// the newest is an hour old.
// scripts/make-demo-repo.sh makes the archive.
package demorepo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"syncline.dev/syncline"
)

// Password opens the repository.
const Password = "tidewatch"

// Bounds of the unpacked repository. A mistake in making the archive must not
// fill a user's disk.
const (
	maxEntries = 4096
	maxBytes   = 16 << 20
)

//go:embed repository.tar.gz
var archive []byte

// Extract unpacks the repository into a new folder "repository" in dir and
// returns the folder's absolute path. It creates dir if it is missing. An
// existing "repository" is syncline.CodeConflict. After a failure, the files
// written so far stay. The caller removes dir.
func Extract(dir string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, "repository"))
	if err == nil {
		err = extract(archive, dir)
	}
	if err == nil {
		err = redate(path, time.Now().Add(-time.Hour))
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", syncline.WrapError(syncline.CodeConflict, err,
			"the folder for the demonstration repository is not empty; choose another")
	case err != nil:
		return "", syncline.WrapError(syncline.CodeUnavailable, err,
			"the demonstration repository could not be unpacked; see that the temporary folder is writable and not full")
	}
	return path, nil
}

func extract(archive []byte, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// The root resolves all names inside of it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	limited := &io.LimitedReader{R: z, N: maxBytes}
	r := tar.NewReader(limited)
	for range maxEntries {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := extractOne(root, h, r); err != nil {
			return err
		}
	}
	return errors.New("the archive has too many entries")
}

func extractOne(root *os.Root, h *tar.Header, r io.Reader) error {
	name := filepath.FromSlash(h.Name)
	switch h.Typeflag {
	case tar.TypeDir:
		return root.Mkdir(filepath.Clean(name), 0o700)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	}
	return errors.New("the archive has an entry that is neither a file nor a folder: " + h.Name)
}
