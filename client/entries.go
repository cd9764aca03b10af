package client

import (
	"context"
	"io/fs"
	"iter"
	"net/url"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// Entry is one item of a folder in a restore point. The server tells neither
// Content nor Subtree, and in lists no attributes.
type Entry struct {
	syncline.Entry
	Path      string // absolute
	ContentID string // the same for the same content; "" in lists
}

// entryJSON is an entry as the server writes it.
type entryJSON struct {
	Name               string          `json:"name"`
	RawName            string          `json:"rawName"`
	Path               string          `json:"path"`
	RawPath            string          `json:"rawPath"`
	Type               string          `json:"type"`
	Size               uint64          `json:"size"`
	Permissions        string          `json:"permissions"`
	ModifyTime         time.Time       `json:"modifyTime"`
	AccessTime         time.Time       `json:"accessTime"`
	ChangeTime         time.Time       `json:"changeTime"`
	UID                uint32          `json:"uid"`
	GID                uint32          `json:"gid"`
	User               string          `json:"user"`
	Group              string          `json:"group"`
	Inode              uint64          `json:"inode"`
	Links              uint64          `json:"links"`
	LinkTarget         string          `json:"linkTarget"`
	RawLinkTarget      string          `json:"rawLinkTarget"`
	Device             uint64          `json:"device"`
	DeviceID           uint64          `json:"deviceId"`
	ExtendedAttributes []attributeJSON `json:"extendedAttributes"`
	GenericAttributes  []attributeJSON `json:"genericAttributes"`
	Error              string          `json:"error"`
	ContentID          string          `json:"contentId"`
	ContentMissing     bool            `json:"contentMissing"`
}

type attributeJSON struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

func (x entryJSON) entry() Entry {
	kind := syncline.EntryType(x.Type)
	return Entry{Path: bytesOf(x.Path, x.RawPath), ContentID: x.ContentID, Entry: syncline.Entry{
		Name: bytesOf(x.Name, x.RawName), Type: kind, Mode: modeOf(kind, x.Permissions),
		ModTime: x.ModifyTime, AccessTime: x.AccessTime, ChangeTime: x.ChangeTime,
		UID: x.UID, GID: x.GID, User: x.User, Group: x.Group,
		Inode: x.Inode, DeviceID: x.DeviceID, Size: x.Size, Links: x.Links,
		LinkTarget: bytesOf(x.LinkTarget, x.RawLinkTarget), Device: x.Device,
		ExtendedAttributes: each(x.ExtendedAttributes, func(a attributeJSON) syncline.ExtendedAttribute { return syncline.ExtendedAttribute(a) }),
		GenericAttributes:  each(x.GenericAttributes, func(a attributeJSON) syncline.GenericAttribute { return syncline.GenericAttribute(a) }),
		Lost:               x.ContentMissing, Error: x.Error,
	}}
}

// entryOrNil is an entry that need not be there.
func (x *entryJSON) entryOrNil() *Entry {
	if x == nil {
		return nil
	}
	e := x.entry()
	return &e
}

// typeBits are the bits that fs.FileMode has for a type.
var typeBits = map[syncline.EntryType]fs.FileMode{
	syncline.TypeDir: fs.ModeDir, syncline.TypeSymlink: fs.ModeSymlink, syncline.TypeDevice: fs.ModeDevice,
	syncline.TypeCharDev: fs.ModeDevice | fs.ModeCharDevice, syncline.TypeFifo: fs.ModeNamedPipe,
	syncline.TypeSocket: fs.ModeSocket, syncline.TypeIrregular: fs.ModeIrregular,
}

// specialBits are the mode's bits beside the nine of who may do what, by their
// numbers for chmod.
var specialBits = []struct {
	number uint64
	bit    fs.FileMode
}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}}

// modeOf returns the mode of a type and the permissions in octal digits.
func modeOf(kind syncline.EntryType, permissions string) fs.FileMode {
	mode := typeBits[kind]
	n, err := strconv.ParseUint(permissions, 8, 16)
	if err != nil {
		return mode
	}
	mode |= fs.FileMode(n).Perm()
	for _, special := range specialBits {
		if n&special.number != 0 {
			mode |= special.bit
		}
	}
	return mode
}

// EntriesQuery says which entries are wanted, and in which order.
type EntriesQuery struct {
	Path         string // of the folder; "" for the root
	Sort         string // name, size, modified or type; "" for name
	Descending   bool
	FoldersFirst bool
	Recursive    bool // also what is in the folders below; by name only
}

type entryPageJSON struct {
	Results    []entryJSON `json:"results"`
	NextCursor string      `json:"nextCursor"`
}

// Entries returns the entries of a folder.
func (c *Client) Entries(ctx context.Context, point syncline.ID, query EntriesQuery) iter.Seq2[Entry, error] {
	q := url.Values{}
	setPath(q, query.Path)
	set(q, "sort", query.Sort)
	if query.Descending {
		q.Set("order", "desc")
	}
	if query.FoldersFirst {
		q.Set("foldersFirst", "true")
	}
	if query.Recursive {
		q.Set("recursive", "true")
	}
	return pages(paged[entryPageJSON](ctx, c, under(points, point, "Entries"), q),
		func(p entryPageJSON) ([]Entry, string) { return each(p.Results, entryJSON.entry), p.NextCursor })
}

// Entry returns all that is known of the entry at a path.
func (c *Client) Entry(ctx context.Context, point syncline.ID, path string) (Entry, error) {
	q := url.Values{}
	setPath(q, path)
	x, err := get[entryJSON](ctx, c, under(points, point, "Entry"), q)
	return x.entry(), err
}

// VersionEvent says how a version came about.
type VersionEvent string

// The events.
const (
	VersionAppeared VersionEvent = "Appeared"
	VersionChanged  VersionEvent = "Changed"
	VersionVanished VersionEvent = "Vanished"
)

// Version is one state of a path, through consecutive restore points of a host.
type Version struct {
	HostName            string
	Event               VersionEvent
	Entry               *Entry // nil where it vanished
	FirstRestorePointID syncline.ID
	FirstTime           time.Time
	LastRestorePointID  syncline.ID
	LastTime            time.Time
	RestorePoints       int // that have this version
}

type versionJSON struct {
	HostName            string       `json:"hostName"`
	Event               VersionEvent `json:"event"`
	Entry               *entryJSON   `json:"entry"`
	FirstRestorePointID syncline.ID  `json:"firstRestorePointId"`
	FirstTime           time.Time    `json:"firstTime"`
	LastRestorePointID  syncline.ID  `json:"lastRestorePointId"`
	LastTime            time.Time    `json:"lastTime"`
	RestorePoints       int          `json:"restorePoints"`
}

func (x versionJSON) version() Version {
	return Version{
		HostName: x.HostName, Event: x.Event, Entry: x.Entry.entryOrNil(),
		FirstRestorePointID: x.FirstRestorePointID, FirstTime: x.FirstTime,
		LastRestorePointID: x.LastRestorePointID, LastTime: x.LastTime, RestorePoints: x.RestorePoints,
	}
}

type versionPageJSON struct {
	Results              []versionJSON `json:"results"`
	NextCursor           string        `json:"nextCursor"`
	UnknownRestorePoints int           `json:"unknownRestorePoints"`
}

// History returns the versions of a path in a repository, oldest first; with a
// host only that machine's. When restore points say nothing about the path, because
// the repository has lost folders on the way, the last pair holds an *IncompleteError.
func (c *Client) History(ctx context.Context, repository syncline.ID, path, host string) iter.Seq2[Version, error] {
	q := url.Values{}
	setPath(q, path)
	set(q, "host", host)
	return func(yield func(Version, error) bool) {
		var missing IncompleteError
		all := pages(paged[versionPageJSON](ctx, c, under("BackupRepositories", repository, "History"), q), func(p versionPageJSON) ([]Version, string) {
			missing.RestorePoints = p.UnknownRestorePoints
			return each(p.Results, versionJSON.version), p.NextCursor
		})
		for v, err := range all {
			if !yield(v, err) {
				return
			}
			if err != nil {
				return
			}
		}
		if missing.RestorePoints > 0 {
			yield(Version{}, &missing)
		}
	}
}
