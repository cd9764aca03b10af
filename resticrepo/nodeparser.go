package resticrepo

import (
	"encoding/base64"
	"io/fs"
	"math"
	"time"
	"unicode/utf8"
)

// nodeParser reads a node object in the form that restic writes: no white
// space, each key at most once, null for "content" only. It gives up on
// everything else, and encoding/json decides. So it may refuse valid input, but
// it must never accept invalid input.
type nodeParser struct {
	scanner
	seen uint32
	// The user and group of the node before. They repeat from node to node and
	// then need no new strings.
	user, group string
	// The last time and its text. The times of a node are often the same.
	lastText []byte
	lastTime time.Time
}

// parse reports whether it understood the whole input; n is overwritten.
func (p *nodeParser) parse(n *Node) bool {
	*n = Node{}
	if !p.literal("{") {
		return false
	}
	for {
		key, ok := p.key()
		if !ok || !p.field(n, key) || p.pos >= len(p.buf) {
			return false
		}
		c := p.buf[p.pos]
		p.pos++
		if c == ',' {
			continue
		}
		return c == '}' && p.pos == len(p.buf)
	}
}

// key reads a key of lower-case letters, digits, dots and underscores, and its
// colon. For such keys, encoding/json's comparison without regard to letter
// case is exact.
func (p *nodeParser) key() ([]byte, bool) {
	buf, i := p.buf, p.pos
	if i >= len(buf) || buf[i] != '"' {
		return nil, false
	}
	i++
	start := i
	for i < len(buf) && (buf[i]-'a' < 26 || buf[i] == '_' || buf[i] == '.' || buf[i]-'0' < 10) {
		i++
	}
	if i+1 >= len(buf) || buf[i] != '"' || buf[i+1] != ':' {
		return nil, false
	}
	p.pos = i + 2
	return buf[start:i], true
}

// The keys, as bits of seen.
const (
	keyName = 1 << iota
	keyType
	keyMode
	keyMtime
	keyAtime
	keyCtime
	keyUID
	keyGID
	keyUser
	keyGroup
	keyInode
	keyDeviceID
	keySize
	keyLinks
	keyLinkTarget
	keyLinkTargetRaw
	keyExtended
	keyGeneric
	keyDevice
	keyContent
	keySubtree
	keyError
)

// once reports whether the key comes for the first time.
func (p *nodeParser) once(key uint32) bool {
	first := p.seen&key == 0
	p.seen |= key
	return first
}

// field reads the value of one key. The keys that every node has come first.
func (p *nodeParser) field(n *Node, key []byte) bool {
	switch string(key) {
	case "name":
		return p.once(keyName) && p.name(&n.Name)
	case "type":
		return p.once(keyType) && p.nodeType(&n.Type)
	case "mode":
		v, ok := p.uint(math.MaxUint32)
		n.Mode = fs.FileMode(v)
		return ok && p.once(keyMode)
	case "mtime":
		return p.once(keyMtime) && p.time(&n.ModTime)
	case "atime":
		return p.once(keyAtime) && p.time(&n.AccessTime)
	case "ctime":
		return p.once(keyCtime) && p.time(&n.ChangeTime)
	case "uid":
		return p.once(keyUID) && p.uint32(&n.UID)
	case "gid":
		return p.once(keyGID) && p.uint32(&n.GID)
	case "user":
		return p.once(keyUser) && p.repeated(&n.User, p.user)
	case "group":
		return p.once(keyGroup) && p.repeated(&n.Group, p.group)
	case "inode":
		return p.once(keyInode) && p.uint64(&n.Inode)
	case "size":
		return p.once(keySize) && p.uint64(&n.Size)
	case "links":
		return p.once(keyLinks) && p.uint64(&n.Links)
	case "content":
		return p.once(keyContent) && p.content(&n.Content)
	case "subtree":
		return p.once(keySubtree) && p.quotedID(&n.Subtree)
	}
	return p.rareField(n, key)
}

// rareField reads the value of a key that few nodes have.
func (p *nodeParser) rareField(n *Node, key []byte) bool {
	switch string(key) {
	case "device_id":
		return p.once(keyDeviceID) && p.uint64(&n.DeviceID)
	case "device":
		return p.once(keyDevice) && p.uint64(&n.Device)
	case "linktarget":
		// The raw form comes after this one and wins.
		return p.once(keyLinkTarget) && p.seen&keyLinkTargetRaw == 0 && p.plain(&n.LinkTarget)
	case "linktarget_raw":
		b, ok := p.base64()
		n.LinkTarget = string(b)
		return ok && p.once(keyLinkTargetRaw)
	case "extended_attributes":
		return p.once(keyExtended) && p.extended(n)
	case "generic_attributes":
		return p.once(keyGeneric) && p.generic(n)
	case "error":
		return p.once(keyError) && p.plain(&n.Error)
	}
	return p.skip(maxNodeDepth) == nil
}

// maxNodeDepth bounds the depth of an unknown value on the fast way.
const maxNodeDepth = 100

func (p *nodeParser) uint64(v *uint64) (ok bool) {
	*v, ok = p.uint(math.MaxUint64)
	return ok
}

func (p *nodeParser) uint32(v *uint32) bool {
	n, ok := p.uint(math.MaxUint32)
	*v = uint32(n)
	return ok
}

// plain reads any string.
func (p *nodeParser) plain(v *string) (ok bool) {
	*v, ok = p.str()
	return ok
}

// repeated reads a string that probably equals last.
func (p *nodeParser) repeated(v *string, last string) bool {
	raw, plain, ok := p.text()
	if !ok {
		return false
	}
	switch {
	case plain && string(raw) == last:
		*v = last
	case plain && utf8.Valid(raw):
		*v = string(raw)
	default:
		*v = string(unescape(nil, raw))
	}
	return true
}

// name reads a name and undoes its two escapings.
func (p *nodeParser) name(v *string) bool {
	raw, plain, ok := p.text()
	if !ok {
		return false
	}
	if plain && utf8.Valid(raw) {
		*v = string(raw)
		return true
	}
	var scratch [256]byte
	name, err := unquoteName(unescape(scratch[:0], raw))
	*v = name
	return err == nil
}

// nodeType reads a type, which is one of few strings.
func (p *nodeParser) nodeType(v *string) bool {
	raw, _, ok := p.text()
	if !ok {
		return false
	}
	switch string(raw) {
	case "file":
		*v = "file"
	case "dir":
		*v = "dir"
	case "symlink":
		*v = "symlink"
	case "dev":
		*v = "dev"
	case "chardev":
		*v = "chardev"
	case "fifo":
		*v = "fifo"
	case "socket":
		*v = "socket"
	case "irregular":
		*v = "irregular"
	default:
		*v = string(unescape(nil, raw))
	}
	return true
}

// quotedID reads a hash.
func (p *nodeParser) quotedID(id *ID) bool {
	rest := p.buf[p.pos:]
	if len(rest) < 66 || rest[0] != '"' || rest[65] != '"' || !decodeHex(id[:], rest[1:65]) {
		return false
	}
	p.pos += 66
	return true
}

// content reads a list of hashes. Each takes 66 bytes and a comma, so the
// position of the closing bracket gives their number.
func (p *nodeParser) content(v *[]ID) bool {
	if p.literal("null") {
		return true
	}
	if p.literal("[]") {
		*v = []ID{}
		return true
	}
	if !p.literal("[") {
		return false
	}
	count := 0
	for rest := p.buf[p.pos:]; len(rest) > count*67+66; count++ {
		if c := rest[count*67+66]; c != ',' {
			count++
			break
		}
	}
	ids := make([]ID, count)
	for i := range ids {
		if i > 0 && !p.literal(",") || !p.quotedID(&ids[i]) {
			return false
		}
	}
	*v = ids
	return p.literal("]")
}

// base64 reads bytes, or null for none.
func (p *nodeParser) base64() ([]byte, bool) {
	raw, plain, ok := p.text()
	if !ok || !plain {
		return nil, false
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(raw)))
	n, err := base64.StdEncoding.Decode(b, raw)
	return b[:n], err == nil
}

// extended reads the list of extended attributes.
func (p *nodeParser) extended(n *Node) bool {
	if !p.literal("[") {
		return false
	}
	for {
		var a ExtendedAttribute
		if !p.literal(`{"name":`) || !p.plain(&a.Name) || !p.literal(`,"value":`) {
			return false
		}
		if !p.literal("null") {
			var ok bool
			if a.Value, ok = p.base64(); !ok {
				return false
			}
		}
		if !p.literal("}") {
			return false
		}
		n.ExtendedAttributes = append(n.ExtendedAttributes, a)
		if p.literal(",") {
			continue
		}
		return p.literal("]")
	}
}

// generic reads the object of generic attributes.
func (p *nodeParser) generic(n *Node) bool {
	if !p.literal("{") {
		return false
	}
	for {
		key, ok := p.key()
		if !ok {
			return false
		}
		name, start := string(key), p.pos
		if p.literal("null") || p.pos < len(p.buf) && p.buf[p.pos] <= ' ' || p.skip(maxNodeDepth) != nil {
			return false
		}
		for _, a := range n.GenericAttributes {
			if a.Name == name {
				return false
			}
		}
		value := append([]byte(nil), p.buf[start:p.pos]...)
		n.GenericAttributes = append(n.GenericAttributes, GenericAttribute{Name: name, Value: value})
		if len(n.GenericAttributes) > maxFastGeneric {
			return false
		}
		if p.literal(",") {
			continue
		}
		sortGeneric(n.GenericAttributes)
		return p.literal("}")
	}
}

// maxFastGeneric bounds the search for repeated attributes. restic knows three
// attributes.
const maxFastGeneric = 32
