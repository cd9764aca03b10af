package resticrepo

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Node is one entry of a directory. Its strings are the raw bytes of the
// backed-up machine and need not be UTF-8. A Node shares no memory with the
// bytes that it was parsed from.
type Node struct {
	Name string
	Type string      // "file", "dir", "symlink", "dev", "chardev", "fifo", "socket", "irregular"
	Mode fs.FileMode // Go's own mode bits, as restic stores them

	// Times keep the offset from UTC with which they were written.
	ModTime, AccessTime, ChangeTime time.Time

	UID, GID    uint32
	User, Group string

	Inode    uint64
	DeviceID uint64 // st_dev; newer restic stores it for hard links only
	Size     uint64 // bytes; files only
	Links    uint64 // number of hard links

	LinkTarget string

	ExtendedAttributes []ExtendedAttribute
	GenericAttributes  []GenericAttribute // sorted by name

	Device  uint64 // st_rdev, of device nodes
	Content []ID   // data blobs of a file, in order; nil where restic wrote null
	Subtree ID     // tree blob of a directory; zero for none

	Error string // restic's note when it could not read the item
}

// ExtendedAttribute is one extended attribute of a node.
type ExtendedAttribute struct {
	Name  string
	Value []byte
}

// GenericAttribute is one attribute of an operating system, such as
// windows.creation_time, with its value as it was written.
type GenericAttribute struct {
	Name  string
	Value json.RawMessage
}

// checkName returns an error for a name that no directory entry can have.
func (n *Node) checkName() error {
	switch n.Name {
	case "", ".", "..":
		return fmt.Errorf("%w: %q", ErrInvalidName, n.Name)
	}
	if strings.IndexByte(n.Name, '/') >= 0 || strings.IndexByte(n.Name, 0) >= 0 {
		return fmt.Errorf("%w: %q holds a slash or NUL", ErrInvalidName, clip(n.Name))
	}
	return nil
}

// ParseNode parses one node object, raw[Start:End] of a span, into n. It
// overwrites all of n. It does not write to n's slices, so the caller may keep
// those of an earlier call. The result is restic's for the same JSON: unknown
// keys are ignored, a repeated key has its last value, keys match without
// regard to letter case, and the second escaping of the name is undone.
//
// With an error that matches ErrInvalidName, n is complete, and only its name
// is impossible for a directory entry: "..", or a name with a slash. Any other
// error is a *DamageError, and n is empty.
//
// A scanner reads the form that restic writes, about ten times as fast as
// encoding/json. Other forms go to encoding/json.
func ParseNode(raw []byte, n *Node) error {
	p := nodeParser{scanner: scanner{buf: raw}, user: n.User, group: n.Group}
	if p.parse(n) {
		return n.checkName()
	}
	*n = Node{}
	if err := parseNodeJSON(raw, n); err != nil {
		*n = Node{}
		return &DamageError{Object: "node", Reason: "it is not a valid node", Err: err}
	}
	return n.checkName()
}

// jsonNode is a node as encoding/json reads it.
type jsonNode struct {
	Name               string                     `json:"name"`
	Type               string                     `json:"type"`
	Mode               uint32                     `json:"mode"`
	ModTime            time.Time                  `json:"mtime"`
	AccessTime         time.Time                  `json:"atime"`
	ChangeTime         time.Time                  `json:"ctime"`
	UID                uint32                     `json:"uid"`
	GID                uint32                     `json:"gid"`
	User               string                     `json:"user"`
	Group              string                     `json:"group"`
	Inode              uint64                     `json:"inode"`
	DeviceID           uint64                     `json:"device_id"`
	Size               uint64                     `json:"size"`
	Links              uint64                     `json:"links"`
	LinkTarget         string                     `json:"linktarget"`
	LinkTargetRaw      []byte                     `json:"linktarget_raw"`
	ExtendedAttributes []ExtendedAttribute        `json:"extended_attributes"`
	GenericAttributes  map[string]json.RawMessage `json:"generic_attributes"`
	Device             uint64                     `json:"device"`
	Content            []ID                       `json:"content"`
	Subtree            ID                         `json:"subtree"`
	Error              string                     `json:"error"`
}

// parseNodeJSON parses any valid node object.
func parseNodeJSON(raw []byte, n *Node) error {
	s := scanner{buf: raw}
	if s.space(); s.pos >= len(raw) || raw[s.pos] != '{' {
		return s.syntaxError("an object")
	}
	var j jsonNode
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	name, err := unquoteName([]byte(j.Name))
	if err != nil {
		return err
	}
	*n = Node{
		Name: name, Type: j.Type, Mode: fs.FileMode(j.Mode),
		ModTime: fixZone(j.ModTime), AccessTime: fixZone(j.AccessTime), ChangeTime: fixZone(j.ChangeTime),
		UID: j.UID, GID: j.GID, User: j.User, Group: j.Group,
		Inode: j.Inode, DeviceID: j.DeviceID, Size: j.Size, Links: j.Links,
		LinkTarget: j.LinkTarget, ExtendedAttributes: j.ExtendedAttributes,
		Device: j.Device, Content: j.Content, Subtree: j.Subtree, Error: j.Error,
	}
	if j.LinkTargetRaw != nil {
		n.LinkTarget = string(j.LinkTargetRaw)
	}
	for name, value := range j.GenericAttributes {
		n.GenericAttributes = append(n.GenericAttributes, GenericAttribute{Name: name, Value: value})
	}
	sortGeneric(n.GenericAttributes)
	return nil
}

func sortGeneric(attrs []GenericAttribute) {
	slices.SortFunc(attrs, func(a, b GenericAttribute) int { return strings.Compare(a.Name, b.Name) })
}
