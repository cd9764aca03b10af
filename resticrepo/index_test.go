package resticrepo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// referenceIndex decodes an index with encoding/json. It uses maps, so that
// letter case counts and a repeated key has its last value.
func referenceIndex(raw []byte) (*Index, error) {
	if !json.Valid(raw) {
		return nil, errors.New("not valid")
	}
	idx := &Index{Packs: []Pack{}}
	packs := json.RawMessage(raw)
	if !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("[")) {
		top, err := refObject(raw)
		if err != nil {
			return nil, err
		}
		if err := refDecode(top["supersedes"], &idx.Supersedes); err != nil {
			return nil, err
		}
		packs = top["packs"]
	}
	var list []json.RawMessage
	if err := refDecode(packs, &list); err != nil {
		return nil, err
	}
	for _, p := range list {
		fields, err := refObject(p)
		if err != nil {
			return nil, err
		}
		pack := Pack{Blobs: []Blob{}}
		if err := refDecode(fields["id"], &pack.ID); err != nil || pack.ID.IsZero() {
			return nil, fmt.Errorf("pack id: %w", err)
		}
		var blobs []json.RawMessage
		if err := refDecode(fields["blobs"], &blobs); err != nil {
			return nil, err
		}
		for _, b := range blobs {
			blob, err := referenceBlob(b)
			if err != nil {
				return nil, err
			}
			pack.Blobs = append(pack.Blobs, blob)
		}
		idx.Packs = append(idx.Packs, pack)
	}
	return idx, nil
}

func referenceBlob(raw []byte) (Blob, error) {
	fields, err := refObject(raw)
	if err != nil {
		return Blob{}, err
	}
	var b Blob
	var kind string
	err = errors.Join(refDecode(fields["id"], &b.ID), refDecode(fields["type"], &kind),
		refDecode(fields["offset"], &b.Offset), refDecode(fields["length"], &b.Length),
		refDecode(fields["uncompressed_length"], &b.UncompressedLength))
	for name, v := range fields {
		switch name {
		case "id", "type", "offset", "length", "uncompressed_length":
			if string(v) == "null" {
				return b, errors.New("null")
			}
		}
	}
	switch {
	case err != nil:
	case b.ID.IsZero() || kind != "data" && kind != "tree":
		err = errors.New("no id or type")
	case b.Length < 32 || b.Length > MaxBlobSize || b.UncompressedLength > MaxBlobSize,
		uint64(b.Offset)+uint64(b.Length) > math.MaxUint32:
		err = errors.New("place")
	}
	if kind == "tree" {
		b.Type = Tree
	}
	return b, err
}

// repeatsKeys reports whether an object in a valid document has a key twice.
func repeatsKeys(raw json.RawMessage) bool {
	dec := json.NewDecoder(bytes.NewReader(raw))
	open, err := dec.Token()
	if err != nil {
		return false
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == json.Delim('{') {
			key, _ := dec.Token()
			if name, _ := key.(string); seen[name] {
				return true
			} else {
				seen[name] = true
			}
		}
		var value json.RawMessage
		if open != json.Delim('{') && open != json.Delim('[') || dec.Decode(&value) != nil {
			return false
		}
		if repeatsKeys(value) {
			return true
		}
	}
	return false
}

func refObject(raw []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("null is no object")
	}
	return m, nil
}

func refDecode(raw json.RawMessage, v any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, v)
}

func indexOf(blobs ...string) string {
	return `{"packs":[{"id":"` + hashB + `","blobs":[` + strings.Join(blobs, ",") + `]}]}`
}

const (
	blobA = `{"id":"` + hashA + `","type":"tree","offset":0,"length":38}`
	blobB = `{"id":"` + hashB + `","type":"data","offset":38,"length":112,"uncompressed_length":511}`
)

var goodIndexes = []string{
	indexOf(), indexOf(blobA), indexOf(blobA, blobB), `{}`, `{"packs":null,"supersedes":null}`,
	`{"supersedes":["` + hashA + `","` + hashB + `"],"packs":[]}`,
	`[{"id":"` + hashA + `","blobs":[` + blobA + `]},{"id":"` + hashB + `","blobs":[` + blobB + `]}]`,
	"\n{ \"packs\" : [ { \"blobs\" : [ { \"length\": 40, \"later\":{\"a\":[null]}, \"type\":\"d\\u0061ta\", \"offset\":1, \"id\":\"" + strings.ToUpper(hashA) + "\" } ], \"id\":\"" + hashB + "\" } ] }\n",
	`{"packs":[{"id":"` + hashA + `","blobs":[` + blobA + `],"blobs":[` + blobB + `,` + blobB + `]}],"later":[{}]}`,
	`{"packs":[{"id":"` + hashA + `","blobs":[` + blobA + `]}],"packs":[{"id":"` + hashB + `","blobs":null}]}`,
	indexOf(strings.Replace(blobA, `"offset":0`, `"offset":4294967257`, 1)),
}

var badIndexes = []string{
	``, `null`, `1`, `"x"`, `{`, `{"packs":[`, `{"packs":{}}`, `{"packs":[{}]}`, `{"packs":[null]}`, `{"packs":[1]}`, `[1]`,
	indexOf(blobA) + `x`, indexOf(blobA, ``), indexOf(`{}`), indexOf(`null`),
	indexOf(strings.Replace(blobA, `"tree"`, `"snapshot"`, 1)), indexOf(strings.Replace(blobA, `"type":"tree",`, ``, 1)),
	indexOf(strings.Replace(blobA, `"offset":0`, `"offset":-1`, 1)), indexOf(strings.Replace(blobA, `"offset":0`, `"offset":4294967258`, 1)),
	indexOf(strings.Replace(blobA, `"offset":0`, `"offset":18446744073709551616`, 1)), indexOf(strings.Replace(blobA, `"offset":0`, `"offset":0.5`, 1)),
	indexOf(strings.Replace(blobA, `"offset":0`, `"offset":"0"`, 1)), indexOf(strings.Replace(blobA, `"length":38`, `"length":31`, 1)),
	indexOf(strings.Replace(blobA, `"length":38`, `"length":536870913`, 1)), indexOf(strings.Replace(blobB, `511`, `536870913`, 1)),
	indexOf(strings.Replace(blobA, hashA, hashA[1:], 1)), indexOf(strings.Replace(blobA, hashA, strings.Repeat("0", 64), 1)),
	`{"supersedes":["x"]}`, `{"supersedes":[null]}`, strings.Repeat(`[`, 100000), `{"x":` + strings.Repeat(`[`, 100000),
}

func compareIndex(t *testing.T, raw []byte) (*Index, error) {
	t.Helper()
	got, err := parseIndex(raw)
	want, wantErr := referenceIndex(raw)
	if err != nil && wantErr == nil && repeatsKeys(raw) {
		return nil, err // the reference does not look at repeated values
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%.300q: error %v, the reference has %v", raw, err, wantErr)
	}
	if err == nil && !sameIndex(got, want) {
		t.Fatalf("%.300q: %v, the reference has %v", raw, got, want)
	}
	return got, err
}

func sameIndex(a, b *Index) bool {
	if len(a.Supersedes) != len(b.Supersedes) || len(a.Packs) != len(b.Packs) {
		return false
	}
	for i := range a.Supersedes {
		if a.Supersedes[i] != b.Supersedes[i] {
			return false
		}
	}
	return reflect.DeepEqual(a.Packs, b.Packs)
}

func TestParseIndexLikeReference(t *testing.T) {
	for _, s := range goodIndexes {
		if _, err := compareIndex(t, []byte(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range badIndexes {
		if strings.HasPrefix(s, `{"supersedes":[null]`) {
			continue // encoding/json has null for "leave it as it is"
		}
		if _, err := compareIndex(t, []byte(s)); err == nil {
			t.Errorf("%.100s: no error", s)
		}
	}
}

func TestParseIndexNamesUnknownType(t *testing.T) {
	_, err := parseIndex([]byte(indexOf(strings.Replace(blobA, `"tree"`, `"extent"`, 1))))
	if err == nil || !strings.Contains(err.Error(), `"extent"`) {
		t.Errorf("error %v", err)
	}
}

func TestParseIndexPacksDoNotShareRoom(t *testing.T) {
	idx, err := parseIndex([]byte(goodIndexes[6]))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(idx.Packs[0].Blobs, Blob{})
	if idx.Packs[1].Blobs[0].ID.String() != hashB {
		t.Error("appending to one pack's blobs overwrote another's")
	}
}

func FuzzIndex(f *testing.F) {
	for _, s := range append(goodIndexes, badIndexes...) {
		if len(s) < 10000 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if bytes.Contains(raw, []byte("null")) {
			return // in lists of ids, null is "leave it as it is" for encoding/json
		}
		_, _ = compareIndex(t, raw)
	})
}

func BenchmarkParseIndex(b *testing.B) {
	var sb strings.Builder
	sb.WriteString(`{"packs":[`)
	for p := range 20 {
		if p > 0 {
			sb.WriteByte(',')
		}
		fmt.Fprintf(&sb, `{"id":"%064x","blobs":[`, p+1)
		for i := range 500 {
			if i > 0 {
				sb.WriteByte(',')
			}
			fmt.Fprintf(&sb, `{"id":"%064x","type":"data","offset":%d,"length":%d,"uncompressed_length":%d}`, p*500+i+1, i*1000, 1000, 2345)
		}
		sb.WriteString(`]}`)
	}
	sb.WriteString(`]}`)
	raw := []byte(sb.String())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseIndex(raw); err != nil {
			b.Fatal(err)
		}
	}
}
