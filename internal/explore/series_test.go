package explore

import (
	"reflect"
	"testing"
	"time"

	"syncline.dev/syncline"
)

func TestSeries(t *testing.T) {
	point := func(host string, second int64, lost bool, paths ...string) syncline.RestorePoint {
		return syncline.RestorePoint{Lost: lost, Snapshot: syncline.Snapshot{Hostname: host, Paths: paths, Time: time.Unix(second, 0)}}
	}
	got := seriesOf([]syncline.RestorePoint{
		point("a", 1, false, "/x", "/y"),
		point("a", 5, false, "/y", "/x"), // the same set
		point("a", 3, false, "/x", "/y"),
		point("b", 9, false, "/x"),
		point("b", 11, true, "/x"),    // nothing of it can be got back
		point("c", 12, true, "/x"),    // no other one in its series
		point("a", 9, false, "/x,/y"), // one path
		point("", 2, false),
	})
	want := []Series{
		{"a", []string{"/x,/y"}, time.Unix(9, 0)},
		{"b", []string{"/x"}, time.Unix(9, 0)},
		{"a", []string{"/x", "/y"}, time.Unix(5, 0)},
		{"", nil, time.Unix(2, 0)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
