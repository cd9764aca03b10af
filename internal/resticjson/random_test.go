package resticjson

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// oddities are what random texts are made of.
var oddities = []string{
	"plain", " ", "ü", "漢", "\xff", "\xe2\x82", "\x00", "\x1b[31m", "\n", "\t", "\x7f", `"`, `\`, "<", ">", "&", "/", "\u2028", "\u2029", "\ufffd", "😀",
}

func randomText(rng *rand.Rand) (s string) {
	for range rng.IntN(5) {
		s += oddities[rng.IntN(len(oddities))]
	}
	return s
}

// randomTime returns a time that may lie in a year or a zone that encoding/json refuses.
func randomTime(rng *rand.Rand) time.Time {
	zone := []int{0, 0, 3600, -9*3600 - 1800, 14 * 3600, -12 * 3600, 17, 53*60 + 28, 23*3600 + 59*60, 24 * 3600, -25 * 3600}[rng.IntN(11)]
	sec := []int64{0, -1, 1 << 31, 86399, 86400, -86400, rng.Int64N(1 << 33), -rng.Int64N(1 << 37), rng.Int64N(1 << 39)}[rng.IntN(9)]
	nsec := []int64{0, 1, 10, 99_999, 100_000, 123_450_000, 999_999_999, rng.Int64N(1e9)}[rng.IntN(8)]
	if rng.IntN(8) == 0 {
		return time.Time{}
	}
	return time.Unix(sec, nsec).In(time.FixedZone("", zone))
}

func randomEntry(rng *rand.Rand) syncline.Entry {
	types := []syncline.EntryType{syncline.TypeFile, syncline.TypeFile, syncline.TypeDir, syncline.TypeSymlink, "", "fut<ure"}
	e := syncline.Entry{
		Name: randomText(rng), Type: types[rng.IntN(len(types))], Mode: fs.FileMode(rng.Uint32() >> rng.IntN(32)),
		UID: rng.Uint32() >> rng.IntN(32), GID: rng.Uint32() >> rng.IntN(32),
		Size: rng.Uint64() >> rng.IntN(64), Inode: rng.Uint64() >> rng.IntN(64), ModTime: randomTime(rng),
	}
	if rng.IntN(4) == 0 {
		e.Mode, e.Inode = 0, 0
	}
	e.AccessTime, e.ChangeTime = e.ModTime, e.ModTime.Add(time.Duration(rng.IntN(2)))
	if rng.IntN(2) == 0 {
		e.AccessTime, e.ChangeTime = randomTime(rng), randomTime(rng)
	}
	return e
}

// TestRandomNodes writes random entries in one row. A line is encoding/json's, but for
// times that encoding/json refuses. AppendTime writes those.
func TestRandomNodes(t *testing.T) {
	var n Nodes
	refused := 0
	rng := rand.New(rand.NewPCG(1, 2))
	folder := ""
	e := randomEntry(rng)
	for range 20_000 {
		next := randomEntry(rng)
		if rng.IntN(2) == 0 { // a neighbour that has much in common
			e.Name, e.Size, e.ModTime = next.Name, next.Size, next.ModTime
		} else {
			e = next
		}
		if rng.IntN(4) == 0 {
			folder = "/" + randomText(rng)
		}
		got := n.Append(nil, folder, &e)
		want, err := json.Marshal(nodeOf(folder+"/"+e.Name, &e))
		if err != nil {
			refused++
			want = inOwnTimes(t, folder, &e)
		}
		if string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
	if refused == 0 || refused > 15_000 {
		t.Errorf("encoding/json refuses %d entries", refused)
	}
}

// inOwnTimes returns encoding/json's line with the times that AppendTime writes.
func inOwnTimes(t *testing.T, folder string, e *syncline.Entry) []byte {
	t.Helper()
	line := nodeOf(folder+"/"+e.Name, e)
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	line.ModTime, line.AccessTime, line.ChangeTime = at, at.AddDate(1, 0, 0), at.AddDate(2, 0, 0)
	want, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		key string
		in  time.Time
		out time.Time
	}{{`"mtime":`, line.ModTime, e.ModTime}, {`"atime":`, line.AccessTime, e.AccessTime}, {`"ctime":`, line.ChangeTime, e.ChangeTime}} {
		from := AppendTime([]byte(x.key), x.in)
		want = bytes.Replace(want, from, AppendTime([]byte(x.key), x.out), 1)
	}
	return want
}
