package explore

import (
	"bytes"
	"testing"
)

// TestDigest is the same for queries with the same results. So a cursor
// survives a change of an option that only changes the speed.
func TestDigest(t *testing.T) {
	sum := func(q Query) []byte {
		sum, err := q.digest()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	one := sum(Query{Texts: []string{"a"}})
	if !bytes.Equal(one, sum(Query{Texts: []string{"a"}, more: true, Limits: Limits{Results: 7}, Cursor: "c"})) {
		t.Error("that more searches follow, or another page, makes it another query")
	}
	if bytes.Equal(one, sum(Query{Texts: []string{"b"}})) {
		t.Error("another text makes no other query")
	}
}
