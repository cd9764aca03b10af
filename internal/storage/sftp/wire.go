package sftp

import (
	"encoding/binary"
	"errors"
	"io"
)

// The packets of version 3 of the protocol (draft-ietf-secsh-filexfer-02) that
// reading needs.
const (
	typeInit    = 1
	typeVersion = 2
	typeOpen    = 3
	typeClose   = 4
	typeRead    = 5
	typeFstat   = 8
	typeOpendir = 11
	typeReaddir = 12
	typeStat    = 17
	typeStatus  = 101
	typeHandle  = 102
	typeData    = 103
	typeName    = 104
	typeAttrs   = 105
)

// The codes of a status.
const (
	statusOK         = 0
	statusEOF        = 1
	statusNoSuchFile = 2
	statusDenied     = 3
)

const (
	protocolVersion = 3
	// maxPacket bounds a packet, as OpenSSH does.
	maxPacket = 256 << 10
	// maxHandle is the protocol's bound of a handle.
	maxHandle = 256
	openRead  = 1 // the flag of an open for reading
)

var errMalformed = errors.New("malformed packet")

// readPacket reads a packet and returns its type and the rest.
func readPacket(r io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[:4])
	if length < 1 || length > maxPacket {
		return 0, nil, errMalformed
	}
	body = make([]byte, length-1)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return head[4], body, nil
}

// packet is a packet that is being written.
type packet []byte

// newPacket begins a request.
func newPacket(kind byte) packet { return packet{0, 0, 0, 0, kind} }

func (p packet) uint32(n uint32) packet { return binary.BigEndian.AppendUint32(p, n) }
func (p packet) uint64(n uint64) packet { return binary.BigEndian.AppendUint64(p, n) }
func (p packet) text(s string) packet   { return append(p.uint32(uint32(len(s))), s...) }

// done returns the packet with its length.
func (p packet) done() []byte {
	binary.BigEndian.PutUint32(p, uint32(len(p)-4))
	return p
}

// fields reads the fields of a packet. After a field that is cut off, all
// others are empty and bad is set.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if f.bad || n < 0 || n > len(f.rest) {
		f.bad, f.rest = true, nil
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) uint64() uint64 {
	if b := f.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// bytes returns a field that has its length in front.
func (f *fields) bytes() []byte { return f.take(int(f.uint32())) }

// attributes are those of a file that the server tells.
type attributes struct {
	size     int64
	hasSize  bool
	mode     uint32
	hasModes bool
}

// The flags that say which attributes follow.
const (
	hasSize        = 1
	hasOwner       = 2
	hasPermissions = 4
	hasTimes       = 8
	hasExtended    = 1 << 31
)

// maxExtended bounds the extensions of a file's attributes.
const maxExtended = 64

func (f *fields) attributes() attributes {
	var a attributes
	flags := f.uint32()
	if flags&hasSize != 0 {
		size := f.uint64()
		a.size, a.hasSize = int64(size), true
		f.bad = f.bad || a.size < 0
	}
	if flags&hasOwner != 0 {
		f.take(8)
	}
	if flags&hasPermissions != 0 {
		a.mode, a.hasModes = f.uint32(), true
	}
	if flags&hasTimes != 0 {
		f.take(8)
	}
	if flags&hasExtended != 0 {
		n := f.uint32()
		f.bad = f.bad || n > maxExtended
		for i := uint32(0); i < n && !f.bad; i++ {
			f.bytes()
			f.bytes()
		}
	}
	return a
}

// The types of files in the mode.
const (
	modeType    = 0o170000
	modeFolder  = 0o040000
	modeRegular = 0o100000
	modeLink    = 0o120000
)

func (a attributes) is(mode uint32) bool { return a.hasModes && a.mode&modeType == mode }

// entry is a file in a folder.
type entry struct {
	name string
	attributes
}

// minEntry is the size of the shortest entry.
const minEntry = 12

// entries reads the body of a page of a folder.
func entries(body []byte) ([]entry, error) {
	f := fields{rest: body}
	n := f.uint32()
	if f.bad || int64(n)*minEntry > int64(len(f.rest)) {
		return nil, errMalformed
	}
	list := make([]entry, 0, n)
	for range n {
		name := string(f.bytes())
		f.bytes() // the line of ls
		list = append(list, entry{name, f.attributes()})
	}
	if f.bad {
		return nil, errMalformed
	}
	return list, nil
}

// extensions reads the extensions in the body of a version packet.
func extensions(body []byte) (map[string]string, error) {
	f := fields{rest: body}
	if f.uint32() != protocolVersion || f.bad {
		return nil, errMalformed
	}
	found := map[string]string{}
	for len(f.rest) > 0 {
		name, data := f.bytes(), f.bytes()
		if f.bad {
			return nil, errMalformed
		}
		found[string(name)] = string(data)
	}
	return found, nil
}
