package resticrepo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func treeOf(nodes ...string) string {
	return treeStart + strings.Join(nodes, ",") + treeEnd + "\n"
}

func spanText(raw []byte, spans []Span) []string {
	var out []string
	for _, s := range spans {
		out = append(out, string(raw[s.Start:s.End]))
	}
	return out
}

// allParse reports whether every span is one valid node object.
func allParse(raw []byte, spans []Span) bool {
	var n Node
	for _, s := range spans {
		if err := ParseNode(raw[s.Start:s.End], &n); err != nil && !errors.Is(err, ErrInvalidName) {
			return false
		}
	}
	return true
}

// splitCases are trees whose nodes are known.
var splitCases = []struct {
	name, raw string
	nodes     []string
}{
	{"canonical", treeOf(canonicalNodes...), canonicalNodes},
	{"one", treeOf(canonicalNodes[0]), canonicalNodes[:1]},
	{"no newline", strings.TrimSuffix(treeOf(canonicalNodes...), "\n"), canonicalNodes},
	{"empty", `{"nodes":[]}`, nil},
	{"null", `{"nodes":null}` + "\n", nil},
	{
		"bound inside a string", treeOf(`{"name":"a","type":"file",`+times+`,"user":"},{\"name\":\"x\",\"type\":\""}`, canonicalNodes[0]),
		[]string{`{"name":"a","type":"file",` + times + `,"user":"},{\"name\":\"x\",\"type\":\""}`, canonicalNodes[0]},
	},
	{
		"bound inside a value", treeOf(`{"name":"a","type":"file",` + times + `,"later":[{"name":"b","type":"c"},{"name":"d","type":"e"}]}`),
		[]string{`{"name":"a","type":"file",` + times + `,"later":[{"name":"b","type":"c"},{"name":"d","type":"e"}]}`},
	},
	{"short nodes", treeOf(`{"name":"a","type":"x"}`, `{"name":"b","type":"y"}`), []string{`{"name":"a","type":"x"}`, `{"name":"b","type":"y"}`}},
	{"other order", `{"nodes":[{"type":"file","name":"a"},{"type":"dir","name":"b"}]}`, []string{`{"type":"file","name":"a"}`, `{"type":"dir","name":"b"}`}},
	{"white space", " {\"x\":[1], \"nodes\" : [ {\"name\":\"a\"} ,\n{\"name\":\"b\"} ] , \"y\":{} } ", []string{`{"name":"a"}`, `{"name":"b"}`}},
	{"another array behind", `{"nodes":[{"name":"a","type":"x"}],"more":[{"name":"b","type":"y"}]}`, []string{`{"name":"a","type":"x"}`}},
	{"escaped key", `{"n\u006fdes":[{"name":"a"}]}`, []string{`{"name":"a"}`}},
}

// splitAsDocumented calls SplitTree as its comment asks.
func splitAsDocumented(raw []byte) ([]Span, error) {
	spans, err := SplitTree(raw, nil)
	if err != nil || allParse(raw, spans) {
		return spans, err
	}
	return SplitTreeSlow(raw, spans[:0])
}

func TestSplitTree(t *testing.T) {
	for _, c := range splitCases {
		raw := []byte(c.raw)
		spans, err := splitAsDocumented(raw)
		if err != nil || !slices.Equal(spanText(raw, spans), c.nodes) {
			t.Errorf("%s: %q, %v", c.name, spanText(raw, spans), err)
		}
		spans, err = SplitTreeSlow(raw, []Span{{1, 2}})
		if err != nil || spans[0] != (Span{1, 2}) || !slices.Equal(spanText(raw, spans[1:]), c.nodes) {
			t.Errorf("%s, slow: %q, %v", c.name, spanText(raw, spans), err)
		}
		nodes, err := ParseTree(raw)
		if err != nil || len(nodes) != len(c.nodes) {
			t.Errorf("%s, parsed: %d nodes, %v", c.name, len(nodes), err)
		}
	}
}

func TestSplitTreeFastWayFindsCanonicalBounds(t *testing.T) {
	raw := []byte(treeOf(canonicalNodes...))
	spans, err := SplitTree(raw, nil)
	if err != nil || !slices.Equal(spanText(raw, spans), canonicalNodes) {
		t.Fatalf("%q, %v", spanText(raw, spans), err)
	}
}

func TestSplitTreeRefuses(t *testing.T) {
	deep := strings.Repeat(`{"nodes":[`, 20000)
	for _, raw := range []string{
		``, `{`, `{}`, `[]`, `null`, `{"nodes":{}}`, `{"nodes":[}`, `{"nodes":[{]}`, `{"nodes":[{"name":"a"}]`,
		treeOf(canonicalNodes[0]) + "x", treeOf(canonicalNodes[0]) + treeOf(canonicalNodes[0]),
		`{"nodes":[],"nodes":[]}`, `{"nodes":[{"name":"a"},]}`, `{"nodes":[{"name":"a"} {"name":"b"}]}`, deep,
	} {
		nodes, err := ParseTree([]byte(raw))
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%.60q: %d nodes, error %v", raw, len(nodes), err)
		}
	}
}

func TestParseTreeKeepsNodesWithInvalidNames(t *testing.T) {
	raw := []byte(treeOf(canonicalNodes[0], strings.Replace(canonicalNodes[1], `"file"`, `"../x"`, 1), canonicalNodes[2]))
	nodes, err := ParseTree(raw)
	if !errors.Is(err, ErrInvalidName) || len(nodes) != 3 || nodes[1].Name != "../x" || nodes[2].Name != "empty" {
		t.Fatalf("%d nodes, error %v", len(nodes), err)
	}
}

func FuzzSplitTree(f *testing.F) {
	for _, c := range splitCases {
		f.Add([]byte(c.raw))
	}
	f.Add([]byte(treeOf(canonicalNodes[5], canonicalNodes[6])))
	f.Fuzz(func(t *testing.T, raw []byte) {
		slow, slowErr := SplitTreeSlow(raw, nil)
		if (slowErr == nil) != slowSplitAllowed(raw) {
			t.Fatalf("SplitTreeSlow says %v", slowErr)
		}
		fast, err := SplitTree(raw, nil)
		if err != nil {
			if slowErr == nil {
				t.Fatalf("SplitTree refuses what is valid: %v", err)
			}
			return
		}
		if !allParse(raw, fast) {
			return // the caller would ask SplitTreeSlow
		}
		if slowErr != nil || !slices.Equal(fast, slow) {
			t.Fatalf("fast %v, slow %v (%v)", fast, slow, slowErr)
		}
	})
}

// slowSplitAllowed decides with encoding/json whether raw is a tree document.
func slowSplitAllowed(raw []byte) bool {
	if !json.Valid(raw) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return false
	}
	found := 0
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return false
		}
		if key == "nodes" {
			found++
			if value[0] != '[' && string(value) != "null" {
				return false
			}
		}
	}
	return found == 1
}

func BenchmarkSplitTree(b *testing.B) {
	raw := benchTree(2000)
	spans := make([]Span, 0, 2000)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		out, err := SplitTree(raw, spans[:0])
		if err != nil || len(out) != 2000 {
			b.Fatal(len(out), err)
		}
	}
}

func BenchmarkParseNode(b *testing.B) {
	raw := benchTree(2000)
	spans, err := SplitTree(raw, nil)
	if err != nil {
		b.Fatal(err)
	}
	var n Node
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range spans {
			if err := ParseNode(raw[s.Start:s.End], &n); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// benchTree makes a tree of files as restic 0.14 writes them, about 365 bytes
// each.
func benchTree(count int) []byte {
	nodes := make([]string, count)
	for i := range nodes {
		nodes[i] = fmt.Sprintf(`{"name":"file-%06d.dat","type":"file","mode":420,"mtime":"2026-11-%02dT17:50:23.%09d+01:00","atime":"2026-11-%02dT17:50:23.%09d+01:00","ctime":"2026-11-23T17:50:24.338468713+01:00","uid":1000,"gid":1000,"user":"backup","group":"backup","inode":%d,"device_id":64768,"size":%d,"links":1,"content":["%064x"]}`,
			i, i%28+1, i*7919, i%28+1, i*7919, 416863351+i, 1234+i, i)
	}
	return []byte(treeOf(nodes...))
}
