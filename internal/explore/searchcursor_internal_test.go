package explore

import (
	"bytes"
	"testing"
)

// TestDigest is the same for queries with the same results. So a cursor
// survives a change of an option that only changes the speed.
func TestDigest(t *testing.T) {
	sum := func(q Query) []byte {
		sum, err := (&searchRequest{query: q}).digest()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	one := sum(Query{Contains: []string{"a"}})
	if !bytes.Equal(one, sum(Query{Contains: []string{"a"}, More: true})) {
		t.Error("that more searches follow makes it another query")
	}
	if bytes.Equal(one, sum(Query{Contains: []string{"b"}})) {
		t.Error("another text makes no other query")
	}
}
