package archive

import (
	"archive/tar"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"syncline.dev/syncline"
)

type tarEncoder struct {
	*tar.Writer
	compressor io.Closer // nil for none
}

func newTar(w io.Writer, compressor io.Closer) *tarEncoder {
	return &tarEncoder{tar.NewWriter(w), compressor}
}

// Bounds of tar's own fields and of the records before an entry.
const (
	maxDeviceNumber = 1<<21 - 1
	maxAttributes   = 512 << 10
)

// aSocket is the reason for leaving out a socket.
const aSocket = "it is a socket, to which nobody listens any more"

// notesRecord marks the file with the notes for a Reader. No entry of a
// snapshot has it.
const notesRecord = "SYNCLINE.notes"

// refusedByTar returns why a tar archive cannot have an entry.
func refusedByTar(e *syncline.Entry) string {
	switch e.Type {
	case syncline.TypeFile, syncline.TypeDir, syncline.TypeFifo:
	case syncline.TypeSymlink:
		switch {
		case strings.ContainsRune(e.LinkTarget, 0):
			return "no link can lead to a name with a NUL character"
		case len(e.LinkTarget) > maxName:
			return "the link's target is too long"
		}
	case syncline.TypeDevice, syncline.TypeCharDev:
		if major, minor := device(e.Device); major > maxDeviceNumber || minor > maxDeviceNumber {
			return "the device has too high a number"
		}
	case syncline.TypeSocket:
		return aSocket
	default:
		return "it is of an unknown type"
	}
	return ""
}

// lacksInTar returns what an entry loses in a tar archive.
func lacksInTar(e *syncline.Entry) string {
	if attributesSize(e) > maxAttributes {
		return "its extended attributes, which are too large"
	}
	return ""
}

// device separates the two numbers in Linux's number of a device.
func device(n uint64) (major, minor int64) {
	return int64(n>>8&0xfff | n>>32&0xfffff000), int64(n&0xff | n>>12&0xffffff00)
}

func (t *tarEncoder) begin(x *item) error {
	e := x.entry
	h := &tar.Header{
		Format: tar.FormatPAX, // has fractions of seconds
		Name:   x.name, Size: x.size, Mode: tarMode(e.Mode),
		Uid: int(e.UID), Gid: int(e.GID), Uname: withoutNUL(e.User), Gname: withoutNUL(e.Group),
		ModTime: e.ModTime, AccessTime: e.AccessTime, ChangeTime: e.ChangeTime,
		PAXRecords: attributes(e),
	}
	switch e.Type {
	case syncline.TypeDir:
		h.Typeflag = tar.TypeDir
	case syncline.TypeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.LinkTarget
	case syncline.TypeFifo:
		h.Typeflag = tar.TypeFifo
	case syncline.TypeDevice:
		h.Typeflag = tar.TypeBlock
		h.Devmajor, h.Devminor = device(e.Device)
	case syncline.TypeCharDev:
		h.Typeflag = tar.TypeChar
		h.Devmajor, h.Devminor = device(e.Device)
	default:
		h.Typeflag = tar.TypeReg
		if x.first != "" {
			h.Typeflag, h.Linkname = tar.TypeLink, x.first
		}
	}
	if x.notes {
		h.PAXRecords[notesRecord] = "1"
	}
	for _, s := range []string{h.Name, h.Linkname, h.Uname, h.Gname} {
		if !utf8.ValidString(s) {
			h.PAXRecords["hdrcharset"] = "BINARY"
		}
	}
	return t.WriteHeader(h)
}

func tarMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			mode |= value
		}
	}
	return mode
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// attributePrefix is where GNU tar, bsdtar and star look for extended
// attributes.
const attributePrefix = "SCHILY.xattr."

// keyword escapes the characters that end a keyword, as GNU tar does.
var keyword = strings.NewReplacer("%", "%25", "=", "%3D", "\x00", "%00")

func attributes(e *syncline.Entry) map[string]string {
	records := make(map[string]string, len(e.ExtendedAttributes))
	if attributesSize(e) > maxAttributes {
		return records
	}
	for _, x := range e.ExtendedAttributes {
		records[attributePrefix+keyword.Replace(x.Name)] = string(x.Value)
	}
	return records
}

func attributesSize(e *syncline.Entry) (n int) {
	for _, x := range e.ExtendedAttributes {
		n += len(attributePrefix) + 3*len(x.Name) + len(x.Value) + 16
	}
	return n
}

func (t *tarEncoder) close() error {
	if err := t.Close(); err != nil || t.compressor == nil {
		return err
	}
	return t.compressor.Close()
}
