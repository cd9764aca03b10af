// Package demorepo carries a small restic repository inside the program: the
// history of an invented software project, made by restic itself (see
// scripts/make-demo-repo.sh). It knows how to unpack it, nothing else.
package demorepo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed" // the archive
	"errors"
	"io"
	"os"
	"path/filepath"

	"syncline.dev/syncline"
)

//go:embed repository.tar.gz
var archive []byte

// Password opens the repository.
const Password = "tidewatch"

// maxFile bounds one unpacked file, in bytes.
const maxFile = 16 << 20

// Extract unpacks the repository into dir, which it creates, and returns the
// path of the repository.
func Extract(dir string) (string, error) {
	if err := extract(dir); err != nil {
		return "", syncline.WrapError(syncline.CodeUnavailable, err, "the demo repository cannot be unpacked; check the free space of the temporary directory")
	}
	return filepath.Join(dir, "repository"), nil
}

func extract(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Nothing in the archive can reach outside of dir.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	gz, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	tr := tar.NewReader(gz)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpack(root, h, tr); err != nil {
			return err
		}
	}
}

func unpack(root *os.Root, h *tar.Header, content io.Reader) error {
	name := filepath.Clean(filepath.FromSlash(h.Name))
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o700)
	case tar.TypeReg:
	default:
		return errors.New("the archive holds something that is no file: " + h.Name)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(content, maxFile))
	return errors.Join(err, f.Close())
}
