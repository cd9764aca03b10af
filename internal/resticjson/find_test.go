package resticjson

import (
	"encoding/json"
	"io/fs"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// match is restic's form for encoding/json.
type match struct {
	Path        string      `json:"path,omitempty"`
	Permissions string      `json:"permissions,omitempty"`
	Type        string      `json:"type"`
	Mode        fs.FileMode `json:"mode,omitempty"`
	ModTime     time.Time   `json:"mtime"`
	AccessTime  time.Time   `json:"atime"`
	ChangeTime  time.Time   `json:"ctime"`
	UID         uint32      `json:"uid"`
	GID         uint32      `json:"gid"`
	User        string      `json:"user,omitempty"`
	Group       string      `json:"group,omitempty"`
	Inode       uint64      `json:"inode,omitempty"`
	DeviceID    uint64      `json:"device_id,omitempty"`
	Size        uint64      `json:"size,omitempty"`
	Links       uint64      `json:"links,omitempty"`
	LinkTarget  string      `json:"linktarget,omitempty"`
	Error       string      `json:"error,omitempty"`
}

func TestAppendMatch(t *testing.T) {
	at := time.Date(2024, 2, 29, 13, 14, 15, 16, time.FixedZone("", 3600))
	for path, e := range map[string]*syncline.Entry{
		"":         {},
		"/a":       {Name: "a", Type: syncline.TypeFile, Size: 1 << 50, ModTime: at, AccessTime: at.UTC(), Links: 2, Inode: 1 << 60, DeviceID: 9},
		"/<&>\xff": {Name: "\xff", Type: "future", Mode: fs.ModeSymlink | 0o777, UID: 1<<32 - 1, GID: 5, User: "ü", Group: "\xfe", LinkTarget: "a\nb", Error: `"`},
	} {
		want, err := json.Marshal(match{
			path, e.Mode.String(), string(e.Type), e.Mode, e.ModTime, e.AccessTime, e.ChangeTime, e.UID, e.GID, e.User, e.Group,
			e.Inode, e.DeviceID, e.Size, e.Links, e.LinkTarget, e.Error,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendMatch(nil, path, e); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
