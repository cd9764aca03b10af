// Command pack makes archives and compressed files whose bytes depend on their content
// alone: names are sorted, all times are SOURCE_DATE_EPOCH, and all files belong to root.
//
//	pack OUT.tar.gz DIRECTORY    an archive of the directory, under its own name
//	pack OUT.zip DIRECTORY       the same for Windows
//	pack -gzip FILE...           FILE.gz in place of each FILE
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string, epoch string) error {
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	at := time.Unix(seconds, 0).UTC()
	switch {
	case len(args) > 1 && args[0] == "-gzip":
		for _, name := range args[1:] {
			if err := compress(name); err != nil {
				return err
			}
		}
		return nil
	case len(args) == 2 && strings.HasSuffix(args[0], ".tar.gz"), len(args) == 2 && strings.HasSuffix(args[0], ".tgz"):
		return create(args[0], func(w io.Writer) error { return writeTar(w, args[1], at) })
	case len(args) == 2 && strings.HasSuffix(args[0], ".zip"):
		return create(args[0], func(w io.Writer) error { return writeZip(w, args[1], at) })
	}
	return errors.New("usage: pack OUT.tar.gz|OUT.zip DIRECTORY, or pack -gzip FILE")
}

// create writes a file, and removes it if it does not become whole.
func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func compress(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	err = create(name+".gz", func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		_, err = z.Write(content)
		return errors.Join(err, z.Close())
	})
	if err != nil {
		return err
	}
	return os.Remove(name)
}

// entries calls fn for the directory and all in it, in the order of the names. name has
// slashes, and begins with the directory's own name.
func entries(dir string, fn func(name, path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.IsDir() && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a directory", path)
		}
		below, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(filepath.Join(filepath.Base(dir), below)), path, info)
	})
}

// mode is what a user gets, whatever the umask of the build.
func mode(info fs.FileInfo) fs.FileMode {
	if info.IsDir() || info.Mode()&0o100 != 0 {
		return 0o755
	}
	return 0o644
}

func writeTar(w io.Writer, dir string, at time.Time) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	err := entries(dir, func(name, path string, info fs.FileInfo) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode(info)), Size: info.Size(), ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatPAX}
		if info.IsDir() {
			h.Typeflag, h.Name, h.Size = tar.TypeDir, name+"/", 0
		}
		if err := t.WriteHeader(h); err != nil || info.IsDir() {
			return err
		}
		return copyFile(t, path)
	})
	return errors.Join(err, t.Close(), z.Close())
}

func writeZip(w io.Writer, dir string, at time.Time) error {
	z := zip.NewWriter(w)
	err := entries(dir, func(name, path string, info fs.FileInfo) error {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at}
		h.SetMode(mode(info))
		if info.IsDir() {
			h.Name, h.Method = name+"/", zip.Store
			h.SetMode(mode(info) | fs.ModeDir)
		}
		entry, err := z.CreateHeader(h)
		if err != nil || info.IsDir() {
			return err
		}
		return copyFile(entry, path)
	})
	return errors.Join(err, z.Close())
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
