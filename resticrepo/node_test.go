package resticrepo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
)

// referenceNode decodes a node as restic does: encoding/json, strconv.Unquote
// for the name, linktarget_raw over linktarget.
func referenceNode(raw []byte) (Node, error) {
	type refID struct{ ID }
	var j struct {
		Name               string                     `json:"name"`
		Type               string                     `json:"type"`
		Mode               fs.FileMode                `json:"mode"`
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
		Content            []refID                    `json:"content"`
		Subtree            *refID                     `json:"subtree"`
		Error              string                     `json:"error"`
	}
	if !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		return Node{}, errors.New("no object")
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return Node{}, err
	}
	name, err := strconv.Unquote(`"` + j.Name + `"`)
	if err != nil {
		return Node{}, err
	}
	n := Node{
		Name: name, Type: j.Type, Mode: j.Mode,
		ModTime: j.ModTime, AccessTime: j.AccessTime, ChangeTime: j.ChangeTime,
		UID: j.UID, GID: j.GID, User: j.User, Group: j.Group, Inode: j.Inode,
		DeviceID: j.DeviceID, Size: j.Size, Links: j.Links, LinkTarget: j.LinkTarget,
		ExtendedAttributes: j.ExtendedAttributes, Device: j.Device, Error: j.Error,
	}
	if j.LinkTargetRaw != nil {
		n.LinkTarget = string(j.LinkTargetRaw)
	}
	for name, value := range j.GenericAttributes {
		n.GenericAttributes = append(n.GenericAttributes, GenericAttribute{Name: name, Value: value})
	}
	sortGeneric(n.GenericAttributes)
	if j.Content != nil {
		n.Content = make([]ID, len(j.Content))
		for i, id := range j.Content {
			n.Content[i] = id.ID
		}
	}
	if j.Subtree != nil {
		n.Subtree = j.Subtree.ID
	}
	return n, nil
}

// diffNodes names the first field in which two nodes differ, or returns "".
// Times must be the same moment with the same offset. A nil list equals an
// empty one.
func diffNodes(a, b Node) string {
	for _, t := range []struct {
		name string
		a, b *time.Time
	}{{"mtime", &a.ModTime, &b.ModTime}, {"atime", &a.AccessTime, &b.AccessTime}, {"ctime", &a.ChangeTime, &b.ChangeTime}} {
		_, ao := t.a.Zone()
		_, bo := t.b.Zone()
		if !t.a.Equal(*t.b) || ao != bo {
			return fmt.Sprintf("%s: %v, %v", t.name, t.a, t.b)
		}
		*t.a, *t.b = time.Time{}, time.Time{}
	}
	for _, n := range []*Node{&a, &b} {
		if len(n.ExtendedAttributes) == 0 {
			n.ExtendedAttributes = nil
		}
		if len(n.Content) == 0 {
			n.Content = nil
		}
	}
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		x, y := va.Field(i).Interface(), vb.Field(i).Interface()
		if !reflect.DeepEqual(x, y) {
			return fmt.Sprintf("%s: %#v, %#v", va.Type().Field(i).Name, x, y)
		}
	}
	return ""
}

const (
	hashA = "b26e315b0988ddcd1cee64c351d13a100fedbc9fdbb144a67d1b765ab280b4dc"
	hashB = "50f77b3b4291e8411a027b9f9b9e64658181cc676ce6ba9958b95f268cb1109d"
	times = `"mtime":"2023-07-25T20:01:44.007465374+02:00","atime":"2014-12-06T17:49:21Z","ctime":"1969-12-31T23:59:59.5-11:30","uid":1000,"gid":100`
)

// canonicalNodes are objects as restic writes them. The fast way must
// understand all of them.
var canonicalNodes = []string{
	`{"name":"testdata","type":"dir","mode":2147484141,` + times + `,"user":"fd0","group":"users","inode":409704562,"content":null,"subtree":"` + hashA + `"}`,
	`{"name":"file","type":"file","mode":420,` + times + `,"user":"fd0","inode":18446744073709551615,"device_id":64768,"size":1234,"links":2,"content":["` + hashA + `","` + hashB + `"]}`,
	`{"name":"empty","type":"file","mode":420,` + times + `,"content":[]}`,
	`{"name":"link","type":"symlink","mode":134218239,` + times + `,"links":1,"linktarget":"a \u003c b \\ \"c\" \ud83d\ude00 é","content":null}`,
	`{"name":"rawlink","type":"symlink","mode":134218239,` + times + `,"linktarget":"\ufffd","linktarget_raw":"/2EvYg==","content":null}`,
	`{"name":"x","type":"file",` + times + `,"extended_attributes":[{"name":"user.a","value":"AAEC"},{"name":"user.type","value":""},{"name":"n","value":null}],"content":null}`,
	`{"name":"win","type":"file",` + times + `,"generic_attributes":{"windows.security_descriptor":"AQAU","windows.creation_time":{"LowDateTime":1,"HighDateTime":[2,{"a":null}]},"windows.file_attributes":32},"content":null}`,
	`{"name":"null","type":"chardev","mode":69206454,` + times + `,"device":259,"content":null}`,
	`{"name":"bad\\xff\\xfe \\\"q\\\" \\n\\t \\\\ \\u202e é","type":"fifo","mode":33554852,` + times + `,"content":null,"error":"lstat: \"x\""}`,
	`{"name":"new","type":"file",` + times + `,"a_later_field":{"x":[1,2.5e-3,true,"s"]},"content":null}`,
	`{"name":"odd","type":"whiteout",` + times + `,"content":null}`,
	`{"name":"years","type":"file","mtime":"0001-01-01T00:00:00Z","atime":"9999-12-31T23:59:59.999999999Z","ctime":"2024-02-29T12:00:00.1+23:59","uid":0,"gid":0,"content":null}`,
}

// otherNodes are good and bad objects that need encoding/json.
var otherNodes = []string{
	` { "type" : "file" , "name" : "spaced" } `,
	`{"Name":"Folded","TYPE":"file"}`,
	`{"name":"twice","name":"last","mode":1,"mode":2}`,
	`{"name":"twice","content":["` + hashA + `"],"content":null}`,
	`{"name":"n","mode":null,"user":null,"subtree":null,"generic_attributes":{"a":null}}`,
	`{"name":"n","mode":-1}`, `{"name":"n","mode":4294967296}`, `{"name":"n","size":1.0}`, `{"name":"n","size":01}`,
	`{"name":"n","size":18446744073709551616}`, `{"name":"n","size":1e3}`, `{"name":"n","size":"1"}`,
	`{"name":"n","mtime":"2023-02-29T00:00:00Z"}`, `{"name":"n","mtime":"2023-01-01T24:00:00Z"}`,
	`{"name":"n","mtime":"2023-01-01T00:00:00+24:00"}`, `{"name":"n","mtime":"2023-01-01T00:00:00"}`,
	`{"name":"n","mtime":"2023-01-01T00:00:00,5Z"}`, `{"name":"n","mtime":"2023-01-01T00:00:00.0123456789Z"}`,
	`{"name":"n","mtime":"1900-02-29T00:00:00Z"}`, `{"name":"n","mtime":"2000-02-29T00:00:00-00:00"}`,
	`{"name":"n","content":["` + hashA[1:] + `"]}`, `{"name":"n","content":["` + hashA + `",]}`, `{"name":"n","content":["g` + hashA[1:] + `"]}`,
	`{"name":"n","subtree":"` + strings.ToUpper(hashA) + `"}`, `{"name":"n","subtree":""}`,
	`{"name":"n","linktarget_raw":"****"}`, `{"name":"n","linktarget_raw":"YQ==","linktarget":"b"}`,
	`{"name":"\\q"}`, `{"name":"\""}`, `{"name":"\n"}`, `{"name":"a` + "\n" + `"}`, "{\"name\":\"\xff\"}", `{"name":"\ud800x"}`,
	`{"name":"\udc00\ud800\u0041"}`, `{"name":"a\/\b\f\r"}`, `{"name":"n",}`, `{"name":"n"}x`, `{"name":"n"`, `{}`, `null`, `[]`, `1`, ``,
	`{"name":"n","x":01}`, `{"name":"n","x":-}`, `{"name":"n","x":tru}`, `{"name":"n","x":"\u12g4"}`, `{"name":"n","x":1.}`, `{"name":"n","x":1e+}`,
	`{"name":"n","extended_attributes":[]}`, `{"name":"n","extended_attributes":null}`, `{"name":"n","generic_attributes":{}}`,
	`{"name":"n","generic_attributes":{"a":1,"a":2}}`, `{"name":"n","generic_attributes":{"a": 1}}`, `{"name":"n","\u006dode":7}`,
	`{"name":"n","x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
	`{"name":"n","x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
}

// compareNode compares ParseNode with the reference.
func compareNode(t *testing.T, raw []byte, n *Node) {
	t.Helper()
	want, wantErr := referenceNode(raw)
	before := bytes.Clone(raw)
	err := ParseNode(raw, n)
	if !bytes.Equal(before, raw) {
		t.Fatalf("%s: ParseNode changed its input", before)
	}
	if wantErr != nil {
		if err == nil || errors.Is(err, ErrInvalidName) || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: error %v, the reference has %v", raw, err, wantErr)
		}
		return
	}
	bad := want.Name == "" || want.Name == "." || want.Name == ".." || strings.ContainsAny(want.Name, "/\x00")
	if bad != errors.Is(err, ErrInvalidName) || !bad && err != nil {
		t.Fatalf("%s: error %v for the name %q", raw, err, want.Name)
	}
	got := *n
	for i := range raw {
		raw[i] = '#' // a change shows in strings that share memory with the input
	}
	if d := diffNodes(got, want); d != "" {
		t.Fatalf("%s\nParseNode and the reference differ in %s", before, d)
	}
}

func TestParseNodeLikeReference(t *testing.T) {
	var n Node // reused, as callers do
	for _, s := range append(canonicalNodes, otherNodes...) {
		compareNode(t, []byte(s), &n)
	}
}

func TestParseNodeTakesFastWay(t *testing.T) {
	for _, s := range canonicalNodes {
		var n Node
		p := nodeParser{scanner: scanner{buf: []byte(s)}}
		if !p.parse(&n) {
			t.Errorf("not understood from byte %d on: %s", p.pos, s)
		}
	}
}

func TestParseNodeDays(t *testing.T) {
	// Every day of 800 years, against package time.
	for d := time.Date(1600, 1, 1, 1, 2, 3, 0, time.UTC); d.Year() < 2400; d = d.AddDate(0, 0, 1) {
		got, ok := unixSeconds((*[19]byte)([]byte(d.Format("2006-01-02T15:04:05"))))
		if !ok || got != d.Unix() {
			t.Fatalf("%v is %d, not %d", d, d.Unix(), got)
		}
	}
}

func TestParseNodeInvalidNames(t *testing.T) {
	for _, name := range []string{``, `.`, `..`, `a/b`, `/`, `a\\x00`, `../../etc/passwd`} {
		var n Node
		err := ParseNode([]byte(`{"name":"`+name+`","type":"file","size":7}`), &n)
		if !errors.Is(err, ErrInvalidName) || n.Size != 7 {
			t.Errorf("name %q: error %v, node %+v", name, err, n)
		}
	}
}

func TestParseNodeAllocations(t *testing.T) {
	raw := []byte(canonicalNodes[1])
	var n Node
	allocs := testing.AllocsPerRun(100, func() {
		if err := ParseNode(raw, &n); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 { // the name and the content
		t.Errorf("ParseNode allocates %v times", allocs)
	}
}

func TestParseNodeLongContent(t *testing.T) {
	needtest.Full(t, "time")
	const count = 200_000
	raw := []byte(`{"name":"big","type":"file",` + times + `,"content":["` + strings.Repeat(hashA+`","`, count-1) + hashB + `"]}`)
	var n Node
	if err := ParseNode(raw, &n); err != nil {
		t.Fatal(err)
	}
	if len(n.Content) != count || n.Content[0].String() != hashA || n.Content[count-1].String() != hashB {
		t.Fatalf("%d hashes", len(n.Content))
	}
	if allocs := testing.AllocsPerRun(20, func() { _ = ParseNode(raw, &n) }); allocs > 2 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzParseNode(f *testing.F) {
	for _, s := range append(canonicalNodes, otherNodes...) {
		if len(s) < 10000 {
			f.Add([]byte(s))
		}
	}
	var n Node
	f.Fuzz(func(t *testing.T, raw []byte) { compareNode(t, bytes.Clone(raw), &n) })
}
