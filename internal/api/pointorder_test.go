package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// A bound of the end of a backup says what the whole summary says.
func FuzzEndOfABackup(f *testing.F) {
	for _, summary := range []string{
		jobSummary, ``, `{`, `{"backup_end":"2026-11-23T12:00:10+02:00"}`, `{"backup_end": "2026-11-23T12:00:10Z"}`,
		`{"backup_start":"2026-11-23T12:00:00Z","backup_end":"2026-11-23T11:00:00Z"}`, strings.Replace(jobSummary, "5,", "-5,", 1),
		`{"x":{"backup_end":"2026-11-23T12:00:10Z"}}`, `{"backup_start":"2020-01-01T00:00:00Z","Backup_End":"2027-01-01T00:00:00Z","backup_end":"2026-01-01T00:00:00Z"}`,
		`{"backup_start":"2020-01-01T00:00:00Z","backup_end":"2026-01-01T00:00:00Z","b\u0061ckup_end":"2027-01-01T00:00:00Z"}`,
		`{"backup_start":"2020-01-01T00:00:00Z","backup_end":"2026-01-01T00:00:00Z","bac` + "\u212a" + `up_end":"2027-01-01T00:00:00Z"}`, // the Kelvin sign
		`{"backup_start":"2020-01-01T00:00:00Z","backup_end":"9999-12-31T23:30:00-09:00"}`, `{"backup_end":"soon"}`,
	} {
		f.Add([]byte(summary), int64(0))
		f.Add([]byte(summary), int64(15))
	}
	f.Fuzz(func(t *testing.T, summary []byte, after int64) {
		x := &syncline.Snapshot{Time: testTime, Summary: summary}
		end := x.Time
		if strings.Contains(string(summary), `"backup_end"`) {
			end = backupOf(x).end
		}
		for _, bound := range []time.Time{testTime.Add(time.Duration(after % 1e9 * 1e9)), end, end.Add(1), end.Add(-1)} {
			if endsBefore(x, bound) != end.Before(bound) || endsAfter(x, bound) != end.After(bound) {
				t.Errorf("%s ends %v: before %v %t, after %t", summary, end, bound, endsBefore(x, bound), endsAfter(x, bound))
			}
		}
	})
}

func TestNewestFirst(t *testing.T) {
	var points []syncline.RestorePoint
	for i, at := range []time.Time{testTime, testTime.Add(1), testTime, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), {}, testTime.UTC().Add(-time.Hour)} {
		points = append(points, syncline.RestorePoint{ID: syncline.ID(fmt.Sprint(9 - i)), Snapshot: syncline.Snapshot{Time: at}})
	}
	want := slices.SortedFunc(slices.Values(points), func(x, y syncline.RestorePoint) int {
		return cmp.Or(y.Snapshot.Time.Compare(x.Snapshot.Time), cmp.Compare(x.ID, y.ID))
	})
	for i, p := range newestFirst(points) {
		if p.ID != want[i].ID {
			t.Errorf("place %d has %s, want %s", i, p.ID, want[i].ID)
		}
	}
}

// benchPoints are restore points whose list a handler may change.
type benchPoints struct{ fakePoints }

func (m benchPoints) List(context.Context, []syncline.Repository) ([]syncline.RestorePoint, []syncline.ID, error) {
	return slices.Clone(m.fakePoints), nil, nil
}

// BenchmarkJobSessions is the handler alone: 40 repositories with 300 snapshots each, and a
// page of 30.
func BenchmarkJobSessions(b *testing.B) {
	var points benchPoints
	for i := range 40 * 300 {
		x := syncline.RestorePoint{ID: syncline.ID(fmt.Sprintf("9a3b5c7d-2222-4222-8333-%012d", i)), RepositoryID: repoID, Snapshot: testPoint.Snapshot}
		x.Snapshot.Time, x.Snapshot.Summary = testTime.Add(time.Duration(i*7919%12000)*time.Hour), []byte(jobSummary)
		points.fakePoints = append(points.fakePoints, x)
	}
	w := newWorld(b, quiet, func(c *Config) { c.RestorePoints = points })
	for name, query := range map[string]string{"page": "", "since": "?endTimeLowerBound=2026-11-23T10:00:05Z"} {
		b.Run(name, func(b *testing.B) {
			req := httptest.NewRequest("GET", "/v6/JobSessions"+query, nil)
			req.Header.Set("Authorization", "Bearer viewer")
			b.ReportAllocs()
			for b.Loop() {
				rec := httptest.NewRecorder()
				w.api.ServeHTTP(rec, req)
				if rec.Code != http.StatusOK {
					b.Fatal(rec.Body)
				}
			}
		})
	}
}
