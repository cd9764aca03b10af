package archive

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"syncline.dev/syncline"
)

// Reader reads a tar archive that Write made. It trusts nothing in it, and
// passes names on as they are.
type Reader struct {
	tar   *tar.Reader
	from  io.Reader
	notes *bufio.Scanner // set while the file with the notes is read
}

// Item is an entry of an archive.
type Item struct {
	Name  string // in the archive
	Entry *syncline.Entry
	First string // Name of an earlier file of which this is a further name; "" for none
	Size  int64  // of the content, which Reader.Read returns

	// Note is a difference between the archive and the snapshot. Then Name is
	// the path in the snapshot, and Entry is nil. With Socket or Renamed the
	// difference is no loss.
	Note            string
	Socket, Renamed bool
}

// maxTail bounds the bytes after the end of the last entry.
const maxTail = 1 << 20

// NewReader returns a Reader of an archive.
func NewReader(r io.Reader) *Reader { return &Reader{tar: tar.NewReader(r), from: r} }

// Next returns the next entry or note, or io.EOF at the archive's end.
func (r *Reader) Next() (*Item, error) {
	if r.notes != nil {
		if x := r.note(); x != nil {
			return x, nil
		}
		if err := r.notes.Err(); err != nil {
			return nil, fmt.Errorf("read the archive's notes: %w", err)
		}
		r.notes = nil
	}
	h, err := r.tar.Next()
	switch {
	case errors.Is(err, io.EOF):
		// Only the end of the stream shows that it was cut off.
		if _, err := io.Copy(io.Discard, io.LimitReader(r.from, maxTail)); err != nil {
			return nil, err
		}
		return nil, io.EOF
	case err != nil:
		return nil, err
	}
	if h.PAXRecords[notesRecord] != "" {
		r.notes = bufio.NewScanner(r.tar)
		r.notes.Buffer(nil, 8*maxName)
		return r.Next()
	}
	return itemOf(h), nil
}

// Read reads the content of the last entry.
func (r *Reader) Read(b []byte) (int, error) { return r.tar.Read(b) }

// note returns the next note, or nil after the last one.
func (r *Reader) note() *Item {
	for r.notes.Scan() {
		line := r.notes.Text()
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			continue // a title, or a count of further notes
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			continue
		}
		what := strings.TrimPrefix(line[len(quoted):], " ")
		return &Item{Name: name, Note: what, Socket: what == leftOut+aSocket, Renamed: strings.HasPrefix(what, renamed)}
	}
	return nil
}

var tarTypes = map[byte]syncline.EntryType{
	tar.TypeReg: syncline.TypeFile, tar.TypeLink: syncline.TypeFile, tar.TypeDir: syncline.TypeDir, tar.TypeSymlink: syncline.TypeSymlink,
	tar.TypeFifo: syncline.TypeFifo, tar.TypeBlock: syncline.TypeDevice, tar.TypeChar: syncline.TypeCharDev,
}

func itemOf(h *tar.Header) *Item {
	name := strings.TrimSuffix(h.Name, "/")
	e := &syncline.Entry{
		Name: path.Base(name), Type: tarTypes[h.Typeflag], Mode: modeOf(h.Mode),
		ModTime: h.ModTime, AccessTime: h.AccessTime, ChangeTime: h.ChangeTime,
		UID: uint32(h.Uid), GID: uint32(h.Gid), User: h.Uname, Group: h.Gname, Links: 1,
	}
	x := &Item{Name: name, Entry: e}
	switch h.Typeflag {
	case tar.TypeReg:
		x.Size = h.Size
		e.Size = uint64(h.Size)
	case tar.TypeLink:
		x.First = h.Linkname
	case tar.TypeSymlink:
		e.LinkTarget = h.Linkname
	case tar.TypeBlock, tar.TypeChar:
		e.Device = deviceNumber(uint64(h.Devmajor), uint64(h.Devminor))
	}
	for key, value := range h.PAXRecords {
		if attribute, ok := strings.CutPrefix(key, attributePrefix); ok {
			e.ExtendedAttributes = append(e.ExtendedAttributes, syncline.ExtendedAttribute{Name: unescape.Replace(attribute), Value: []byte(value)})
		}
	}
	return x
}

// unescape undoes keyword.
var unescape = strings.NewReplacer("%25", "%", "%3D", "=", "%00", "\x00")

// deviceNumber combines the numbers that device separates.
func deviceNumber(major, minor uint64) uint64 {
	return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32
}

func modeOf(n int64) fs.FileMode {
	mode := fs.FileMode(n).Perm()
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if n&value != 0 {
			mode |= bit
		}
	}
	return mode
}
