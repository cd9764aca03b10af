package cron_test

import (
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/cron"
)

// TestTurns compares turns with the calendar, around changes of the clock. A library
// takes the place of this package when it passes the table.
func TestTurns(t *testing.T) {
	for _, c := range []struct{ zone, expression, after, turns string }{
		// Clocks go forward: a time that is skipped has its turn at the skip.
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T03:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
		{"Europe/Berlin", "0,30 2 * * *", "2026-03-28T03:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z"},
		{"Europe/Berlin", "0 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z"},
		{"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z 2026-03-09T06:30:00Z"},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z 2026-10-04T15:15:00Z"},
		{"Africa/Cairo", "0 0 * * *", "2026-04-22T23:00:00Z", "2026-04-23T22:00:00Z 2026-04-24T21:00:00Z"},
		{"America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z 2026-09-07T03:00:00Z"},
		{"Asia/Beirut", "15 0 * * 0", "2026-03-27T12:00:00Z", "2026-03-28T22:00:00Z 2026-04-04T21:15:00Z"},
		{"Pacific/Apia", "0 12 * * *", "2011-12-29T00:00:00Z", "2011-12-29T22:00:00Z 2011-12-30T10:00:00Z 2011-12-30T22:00:00Z"}, // without the 30th
		// Clocks go back: a time that comes twice has its turn at the first.
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T03:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
		{"Europe/Berlin", "*/30 2 * * *", "2026-10-24T23:30:00Z", "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z 2026-10-26T01:00:00Z"},
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z 2026-11-02T06:30:00Z"},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z"},
		// With a star in the hours time passes as it does everywhere.
		{"Europe/Berlin", "0 * * * *", "2026-10-24T23:30:00Z", "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z"},
		{"Europe/Berlin", "*/15 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T00:45:00Z 2026-10-25T01:00:00Z 2026-10-25T01:15:00Z"},
		{"Australia/Lord_Howe", "*/10 * * * *", "2026-04-04T14:45:00Z", "2026-04-04T14:50:00Z 2026-04-04T15:00:00Z 2026-04-04T15:10:00Z"},
		// The 13th, and every Friday. With a star in one of the two fields both count.
		{"UTC", "0 3 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T03:00:00Z 2026-11-13T03:00:00Z 2026-11-20T03:00:00Z 2026-11-27T03:00:00Z 2026-12-04T03:00:00Z 2026-12-11T03:00:00Z 2026-12-13T03:00:00Z"},
		{"UTC", "0 3 13 * *", "2026-11-01T00:00:00Z", "2026-11-13T03:00:00Z 2026-12-13T03:00:00Z"},
		{"", "0 3 * * 7", "2026-11-02T00:00:00Z", "2026-11-08T03:00:00Z 2026-11-15T03:00:00Z"},
		{"UTC", "0 3 */2 * mon", "2026-11-01T04:00:00Z", "2026-11-09T03:00:00Z 2026-11-23T03:00:00Z"},
		// Leap years.
		{"UTC", "0 3 29 2 *", "2026-11-02T00:00:00Z", "2028-02-29T03:00:00Z 2032-02-29T03:00:00Z"},
		{"UTC", "0 3 29 feb *", "2096-03-02T00:00:00Z", "2104-02-29T03:00:00Z"},
	} {
		e, err := cron.Parse(c.expression, c.zone)
		if err != nil {
			t.Errorf("%s %s: %v", c.zone, c.expression, err)
			continue
		}
		at, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range strings.Fields(c.turns) {
			if at = e.Next(at); at.Format(time.RFC3339) != want {
				t.Errorf("%s %s: %s, want %s", c.zone, c.expression, at.Format(time.RFC3339), want)
				break
			}
		}
	}
}

// TestRefused has expressions and zones that are refused by name.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ expression, zone, message string }{
		{"", "", "cron must have five fields"},
		{"* * * *", "", "cron must have five fields"},
		{"0 0 3 * * *", "", "cron must have five fields"},
		{"@daily", "", "cron must have five fields"},
		{"@every 1s x x x", "", "cron must have five fields"},
		{"TZ=UTC 3 * * *", "", "cron must have five fields"},
		{strings.Repeat("1,", 200) + "1 * * * *", "", "cron must have five fields"},
		{"60 * * * *", "", "cron: "},
		{"* 24 * * *", "", "cron: "},
		{"* * 0 * *", "", "cron: "},
		{"* * * 13 *", "", "cron: "},
		{"* * * * 8", "", "cron: "},
		{"0 3 L * *", "", "cron: "},
		{"0 3 * * 5#3", "", "cron: "},
		{"H 3 * * *", "", "cron: "},
		{"5-1/0 * * * *", "", "cron: "},
		{"0 0 30 2 *", "", "never comes"},
		{"0 3 * * *", "Mars/Base", "timeZone: "},
		{"0 3 * * *", "Local", "timeZone: "},
		{"0 3 * * *", "../../etc/passwd", "timeZone: "},
		{"0 3 * * *", strings.Repeat("x", 300), "timeZone: "},
	} {
		_, err := cron.Parse(c.expression, c.zone)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), c.message) {
			t.Errorf("%q in %q: %v, want %q", c.expression, c.zone, err, c.message)
		}
	}
}

// FuzzNext goes through turns: each comes after the one before, on a full minute.
func FuzzNext(f *testing.F) {
	f.Add("30 2 * * *", "Europe/Berlin", int64(1774659600))
	f.Add("*/7 */5 13 * 5", "Australia/Lord_Howe", int64(1775271600))
	f.Fuzz(func(t *testing.T, expression, zone string, at int64) {
		e, err := cron.Parse(expression, zone)
		if err != nil || at < 0 || at > 1<<33 {
			return
		}
		now := time.Unix(at, 0)
		for range 10 {
			next := e.Next(now)
			if next.IsZero() {
				return
			}
			if !next.After(now) || at > 1<<30 && next.Second() != 0 {
				t.Fatalf("%q in %q: after %s comes %s", expression, zone, now, next)
			}
			now = next
		}
	})
}
