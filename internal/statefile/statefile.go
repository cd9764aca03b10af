// Package statefile reads and writes the file of "syncline backup-state": one file with
// everything of a server that cannot be rebuilt. The package knows the form of the file
// and nothing of its parts: what is in the database, and where the parts belong.
//
// The file is a tar archive, compressed with gzip:
//
//	syncline-state.json   the Manifest, first
//	syncline.db           the database
//	certificate.pem       the self-signed certificate with its key, if there is one
//	secret.key            the key that seals stored passwords, in a sealed file only
//
// A sealed file is that archive, encrypted with a passphrase as age does it
// (age-encryption.org/v1, scrypt). So "tar xzf", and "age -d" before it, open the file
// without Syncline.
//
// A reader trusts nothing. The parts have these names and no others, each once, in the
// order of the manifest, and are regular files of at most the sizes in limits. They
// have the manifest's sizes and SHA-256, and nothing follows them. Extract writes to
// names of its own and never to a name from the file.
package statefile

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"syncline.dev/syncline"
)

// The parts of a file. A part has the same name in the archive and in the folder of
// Extract.
const (
	Database    = "syncline.db"
	Certificate = "certificate.pem"
	Key         = "secret.key"
)

const (
	manifestName  = "syncline-state.json"
	manifestLimit = 64 << 10
	formatName    = "syncline-state"
	formatVersion = 1
	// tailLimit bounds what follows the last part: the end of the archive.
	tailLimit = 64 << 10
)

// limits are the largest sizes of the parts, in bytes.
var limits = map[string]int64{Database: 8 << 30, Certificate: 1 << 20, Key: 32}

// Manifest says what a file holds.
type Manifest struct {
	Format  string      `json:"format"`  // syncline-state
	Version int         `json:"version"` // of the form of the file, 1
	Created time.Time   `json:"created"`
	Program string      `json:"program"` // version of Syncline that wrote the file
	ID      syncline.ID `json:"installationId"`
	Schema  int64       `json:"schema"` // version of the database's schema
	// Incomplete tells that the database lacked its newest changes before it was copied.
	Incomplete bool   `json:"incomplete,omitempty"`
	Parts      []Part `json:"parts"`
}

// Part is one part of a file.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Has reports whether the file has a part of that name.
func (m *Manifest) Has(name string) bool {
	for _, p := range m.Parts {
		if p.Name == name {
			return true
		}
	}
	return false
}

// Source is where a part of a file to be written is.
type Source struct{ Name, Path string }

// Write writes a file with the parts at these places, which must not change meanwhile. It
// fills in the manifest's format, version and parts, and returns it.
func Write(ctx context.Context, w io.Writer, m Manifest, parts ...Source) (Manifest, error) {
	m.Format, m.Version = formatName, formatVersion
	for _, from := range parts {
		p, err := measure(ctx, from)
		if err != nil {
			return m, err
		}
		m.Parts = append(m.Parts, p)
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, syncline.WrapError(syncline.CodeInternal, err, "the manifest of the copy cannot be written")
	}
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	err = writePart(ctx, archive, manifestName, m.Created, int64(len(head)), bytes.NewReader(head))
	for i, from := range parts {
		if err != nil {
			break
		}
		err = writeFile(ctx, archive, from.Path, m.Created, m.Parts[i])
	}
	if err == nil {
		err = errors.Join(archive.Close(), zip.Close())
	}
	return m, cannotWrite(err)
}

func cannotWrite(err error) error {
	var domain *syncline.Error
	if err == nil || errors.As(err, &domain) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return syncline.WrapError(syncline.CodeCanceled, err, "the copy was canceled")
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the copy cannot be written; check the free space and the rights of its folder")
}

// measure returns the size and the checksum of a part, which must be within its limit.
func measure(ctx context.Context, from Source) (Part, error) {
	f, err := os.Open(from.Path)
	if err != nil {
		return Part{}, cannotWrite(err)
	}
	defer f.Close()
	sum := sha256.New()
	size, err := copyBounded(ctx, sum, f, limits[from.Name])
	if err != nil {
		return Part{}, cannotWrite(err)
	}
	return Part{Name: from.Name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

func writeFile(ctx context.Context, archive *tar.Writer, path string, at time.Time, p Part) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	err = writePart(ctx, archive, p.Name, at, p.Size, io.TeeReader(f, sum))
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
		err = syncline.Errorf(syncline.CodeConflict, "%s changed while it was copied; run the command again", p.Name)
	}
	return err
}

func writePart(ctx context.Context, archive *tar.Writer, name string, at time.Time, size int64, r io.Reader) error {
	err := archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: size, ModTime: at.Truncate(time.Second), Format: tar.FormatUSTAR})
	if err == nil {
		_, err = copyBounded(ctx, archive, r, size)
	}
	return err
}

// copyBounded copies at most limit bytes, and fails when there are more.
func copyBounded(ctx context.Context, w io.Writer, r io.Reader, limit int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(withContext{ctx, r}, limit+1))
	if err == nil && n > limit {
		err = damaged(fmt.Errorf("more than %d bytes", limit))
	}
	return n, err
}

// withContext ends a long copy.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (c withContext) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// MsgDamaged is the message of a file that was altered, cut short or is no copy.
const MsgDamaged = "the file is damaged or no complete copy of backup-state; use another copy"

func damaged(cause error) error {
	return syncline.WrapError(syncline.CodeDamaged, cause, MsgDamaged)
}

// Extract checks a file that Open has opened, and writes its parts into an empty
// folder, with mode 0600. Every byte is checked before it returns without an error.
// After an error the folder may hold parts. A file of a newer form is CodeUnsupported.
func Extract(ctx context.Context, r io.Reader, folder string) (Manifest, error) {
	in := bufio.NewReader(r)
	zip, err := gzip.NewReader(in)
	if err != nil {
		return Manifest{}, cannotRead(err)
	}
	zip.Multistream(false)
	archive := tar.NewReader(zip)
	m, err := readManifest(ctx, archive)
	if err != nil {
		return Manifest{}, cannotRead(err)
	}
	for _, p := range m.Parts {
		if err := extractPart(ctx, archive, p, folder); err != nil {
			return Manifest{}, cannotRead(err)
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return Manifest{}, cannotRead(cmp.Or(err, errors.New("a part that the manifest does not name")))
	}
	// Gzip's own checksum comes at the very end, and age's last block after it.
	if _, err := copyBounded(ctx, io.Discard, zip, tailLimit); err != nil {
		return Manifest{}, cannotRead(err)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return Manifest{}, cannotRead(cmp.Or(err, errors.New("bytes after the end")))
	}
	return m, nil
}

func readManifest(ctx context.Context, archive *tar.Reader) (m Manifest, err error) {
	h, err := archive.Next()
	if err != nil {
		return m, err
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > manifestLimit {
		return m, fmt.Errorf("the archive begins with %.40q of %d bytes", h.Name, h.Size)
	}
	var text bytes.Buffer
	if _, err := copyBounded(ctx, &text, archive, manifestLimit); err != nil {
		return m, err
	}
	if err := json.Unmarshal(text.Bytes(), &m); err != nil {
		return m, err
	}
	if m.Format != formatName {
		return m, fmt.Errorf("the format is %.40q", m.Format)
	}
	if m.Version > formatVersion {
		return m, syncline.Errorf(syncline.CodeUnsupported, "the file was written by a newer Syncline (%.40q); restore it with that version or a later one", m.Program)
	}
	return m, m.check()
}

// check fails unless the parts are as they may be.
func (m *Manifest) check() error {
	if m.Version != formatVersion || !m.Has(Database) || m.Schema < 1 {
		return errors.New("the manifest lacks its version, the schema or the database")
	}
	seen := make(map[string]bool)
	for _, p := range m.Parts {
		limit, known := limits[p.Name]
		sum, err := hex.DecodeString(p.SHA256)
		if !known || seen[p.Name] || p.Size < 1 || p.Size > limit || err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("the manifest has the part %.40q of %d bytes", p.Name, p.Size)
		}
		seen[p.Name] = true
	}
	return nil
}

func extractPart(ctx context.Context, archive *tar.Reader, p Part, folder string) (err error) {
	h, err := archive.Next()
	if err != nil {
		return err
	}
	if h.Name != p.Name || h.Typeflag != tar.TypeReg || h.Size != p.Size {
		return fmt.Errorf("%.40q of %d bytes in the place of %s", h.Name, h.Size, p.Name)
	}
	f, err := os.OpenFile(filepath.Join(folder, p.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return cannotExtract(err)
	}
	defer func() { err = errors.Join(err, cannotExtract(f.Close())) }()
	sum := sha256.New()
	n, err := copyBounded(ctx, &partWriter{f, sum}, archive, p.Size)
	switch {
	case err != nil:
		return err
	case n != p.Size || hex.EncodeToString(sum.Sum(nil)) != p.SHA256:
		return fmt.Errorf("%s has another checksum", p.Name)
	}
	return cannotExtract(f.Sync())
}

// partWriter writes a part and sums it up. Its errors are those of the folder, and
// those of a read are the file's.
type partWriter struct {
	f   *os.File
	sum hash.Hash
}

func (w *partWriter) Write(b []byte) (int, error) {
	w.sum.Write(b)
	n, err := w.f.Write(b)
	return n, cannotExtract(err)
}

func cannotExtract(err error) error {
	if err == nil {
		return nil
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the parts of the copy cannot be written; check the free space and the rights of the data directory")
}

// cannotRead tells a file that is damaged from a disk that fails.
func cannotRead(err error) error {
	var domain *syncline.Error
	var system *os.PathError
	switch {
	case errors.As(err, &domain):
		return err
	case errors.Is(err, context.Canceled):
		return syncline.WrapError(syncline.CodeCanceled, err, "the restore was canceled")
	case errors.As(err, &system):
		return syncline.WrapError(syncline.CodeUnavailable, err, "the file cannot be read; check it and its disk")
	}
	return damaged(err)
}
