package resticjson

import (
	"encoding/json"
	"io/fs"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// node is restic's form for encoding/json.
type node struct {
	Name        string      `json:"name"`
	Type        string      `json:"type"`
	Path        string      `json:"path"`
	UID         uint32      `json:"uid"`
	GID         uint32      `json:"gid"`
	Size        *uint64     `json:"size,omitempty"`
	Mode        fs.FileMode `json:"mode,omitempty"`
	Permissions string      `json:"permissions,omitempty"`
	ModTime     time.Time   `json:"mtime"`
	AccessTime  time.Time   `json:"atime"`
	ChangeTime  time.Time   `json:"ctime"`
	Inode       uint64      `json:"inode,omitempty"`
	MessageType string      `json:"message_type"`
	StructType  string      `json:"struct_type"`
}

func nodeOf(path string, e *syncline.Entry) node {
	n := node{
		Name: e.Name, Type: string(e.Type), Path: path, UID: e.UID, GID: e.GID, Mode: e.Mode, Permissions: e.Mode.String(),
		ModTime: e.ModTime, AccessTime: e.AccessTime, ChangeTime: e.ChangeTime, Inode: e.Inode,
		MessageType: "node", StructType: "node",
	}
	if e.Type == syncline.TypeFile {
		n.Size = &e.Size
	}
	return n
}

func checkNode(t *testing.T, path string, e *syncline.Entry) {
	t.Helper()
	n := nodeOf(path, e)
	want, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	if got := AppendNode(nil, path, e); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	checkNodes(t, path, e)
}

// checkNodes compares the lines of an entry and its neighbours with their own lines.
func checkNodes(t *testing.T, folder string, e *syncline.Entry) {
	t.Helper()
	later, other := *e, *e
	later.ModTime, later.AccessTime = e.ModTime.Add(-time.Second), e.ModTime.Add(time.Nanosecond)
	later.ChangeTime = later.ModTime.In(time.FixedZone("", 17*60))
	other.Mode, other.ModTime, other.GID = ^e.Mode, e.ModTime.Add(25*time.Hour), e.UID
	var n Nodes
	for i, x := range []*syncline.Entry{e, &later, &other, e, &other, &later} {
		in := []string{folder, folder, "", folder + "x"}[i%4]
		want := AppendNode(nil, in+"/"+x.Name, x)
		if got := n.Append([]byte("before"), in, x); string(got) != "before"+string(want) {
			t.Errorf("entry %d in a row: got  %s\nwant %s", i, got, want)
		}
	}
}

func FuzzAppendNode(f *testing.F) {
	for _, name := range []string{"plain", "a\x1b[31m", "b\nc", "\xff\xfe", "<&>", "\u2028", "tab\t\b\f\r", `q"\`, "ü", "\x7f", ""} {
		f.Add(name, "/"+name, uint32(1), uint64(2), uint32(fs.ModeDir|0o755), int64(1700000000), int64(5), 3600)
	}
	f.Add("zero", "/zero", uint32(0), uint64(0), uint32(0), int64(0), int64(0), 0)
	f.Fuzz(func(t *testing.T, name, path string, id uint32, number uint64, mode uint32, sec, nsec int64, offset int) {
		// encoding/json refuses all other years and offsets, and so do the
		// parsers.
		at := time.Unix(sec%(1<<37), nsec%1e9).In(time.FixedZone("", offset%1400*60))
		if y := at.Year(); y < 1 || y > 9998 {
			at = time.Unix(0, 0).UTC()
		}
		for _, typ := range []syncline.EntryType{syncline.TypeFile, syncline.TypeDir, syncline.EntryType(name)} {
			checkNode(t, path, &syncline.Entry{
				Name: name, Type: typ, UID: id, GID: id + 1, Size: number, Mode: fs.FileMode(mode), Inode: number,
				ModTime: at, AccessTime: at.UTC(), ChangeTime: time.Time{},
			})
		}
	})
}

func TestSnapshot(t *testing.T) {
	at := time.Date(2024, 2, 29, 13, 14, 15, 16, time.FixedZone("", 3600))
	id := syncline.Hash{0xab}
	for _, tt := range []struct {
		name string
		in   syncline.Snapshot
		want string
	}{
		{
			"least",
			syncline.Snapshot{Time: at, ID: id, Tree: id},
			`{"time":"2024-02-29T13:14:15.000000016+01:00","tree":"` + id.String() + `","paths":null,"id":"` + id.String() + `","short_id":"ab000000"}`,
		},
		{"most", syncline.Snapshot{
			Time: at.UTC(), ID: id, Tree: id, Parent: id, Original: id, Paths: []string{"/a<b"}, Hostname: "h", Username: "u",
			UID: 1, GID: 2, Excludes: []string{"*.o"}, Tags: []string{"t"}, ProgramVersion: "restic 0.17.0",
			Summary: []byte(`{"total_bytes_processed":7,"files_new":1,"unknown":true,"backup_start":"2024-02-29T13:14:15+01:00"}`),
		}, `{"time":"2024-02-29T12:14:15.000000016Z","parent":"` + id.String() + `","tree":"` + id.String() +
			`","paths":["/a\u003cb"],"hostname":"h","username":"u","uid":1,"gid":2,"excludes":["*.o"],"tags":["t"],"original":"` + id.String() +
			`","program_version":"restic 0.17.0","summary":{"backup_start":"2024-02-29T13:14:15+01:00","backup_end":"0001-01-01T00:00:00Z",` +
			`"files_new":1,"files_changed":0,"files_unmodified":0,"dirs_new":0,"dirs_changed":0,"dirs_unmodified":0,"data_blobs":0,"tree_blobs":0,` +
			`"data_added":0,"data_added_packed":0,"total_files_processed":0,"total_bytes_processed":7},"id":"` + id.String() + `","short_id":"ab000000"}`},
		{
			"summary of the wrong shape",
			syncline.Snapshot{Time: at.UTC(), ID: id, Tree: id, Paths: []string{}, Summary: []byte(`[1]`)},
			`{"time":"2024-02-29T12:14:15.000000016Z","tree":"` + id.String() + `","paths":[],"id":"` + id.String() + `","short_id":"ab000000"}`,
		},
	} {
		got, err := json.Marshal(NewSnapshot(&tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}
