package api

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// pointKey is what restore points are sorted by. Sorting these takes a tenth of sorting the
// restore points themselves.
type pointKey struct {
	seconds     int64
	nanoseconds int32
	at          int32 // place in the list
}

// newestFirst returns the restore points in the order of their times. Those of one time are
// in the order of their ids.
func newestFirst(points []syncline.RestorePoint) []*syncline.RestorePoint {
	keys := make([]pointKey, len(points))
	for i := range points {
		t := points[i].Snapshot.Time
		keys[i] = pointKey{t.Unix(), int32(t.Nanosecond()), int32(i)}
	}
	slices.SortFunc(keys, func(a, b pointKey) int {
		if a.seconds != b.seconds {
			return cmp.Compare(b.seconds, a.seconds)
		}
		if a.nanoseconds != b.nanoseconds {
			return cmp.Compare(b.nanoseconds, a.nanoseconds)
		}
		return cmp.Compare(points[a.at].ID, points[b.at].ID)
	})
	order := make([]*syncline.RestorePoint, len(keys))
	for i, k := range keys {
		order[i] = &points[k.at]
	}
	return order
}

// endsBefore reports whether a backup ended before a time.
func endsBefore(x *syncline.Snapshot, t time.Time) bool {
	earliest, latest := endBounds(x)
	if latest.Before(t) || !earliest.Before(t) {
		return latest.Before(t)
	}
	return backupOf(x).end.Before(t)
}

// endsAfter reports whether a backup ended after a time.
func endsAfter(x *syncline.Snapshot, t time.Time) bool {
	earliest, latest := endBounds(x)
	if earliest.After(t) || !latest.After(t) {
		return earliest.After(t)
	}
	return backupOf(x).end.After(t)
}

const endName = "backup_end"

// endBounds returns two times between which a backup ended. They are those of the snapshot
// and of its summary. It reads a summary only as far as the end, where that is written
// plainly, because a page of job sessions asks for the end of every snapshot.
func endBounds(x *syncline.Snapshot) (earliest, latest time.Time) {
	if !bytes.Contains(x.Summary, []byte(`"`+endName+`"`)) {
		return x.Time, x.Time
	}
	if !plainSummary(x.Summary) {
		end := backupOf(x).end
		return end, end
	}
	_, value, _ := bytes.Cut(x.Summary, []byte(`"`+endName+`":"`))
	value, _, _ = bytes.Cut(value, []byte{'"'})
	end, err := time.Parse(time.RFC3339, string(value))
	switch {
	case err != nil:
		end = backupOf(x).end
		return end, end
	case end.Before(x.Time):
		return end, x.Time
	}
	return x.Time, end
}

// oddInSummary tells the bytes that may be a part of a name that reads like endName in other
// letters or with escapes. T and Z are in times.
var oddInSummary = func() (odd [256]bool) {
	for c := range odd {
		odd[c] = c >= 0x80 || c == '\\' || 'A' <= c && c <= 'Z' && c != 'T' && c != 'Z'
	}
	return odd
}()

// plainSummary reports whether a summary has the end of the backup once, and no odd bytes.
func plainSummary(summary []byte) bool {
	for _, c := range summary {
		if oddInSummary[c] {
			return false
		}
	}
	return bytes.Count(summary, []byte(endName)) == 1
}
