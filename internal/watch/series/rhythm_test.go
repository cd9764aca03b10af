package series

import (
	"math/rand/v2"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// reference finds the 90th percentile as its definition says: the smallest gap that at
// least nine of ten gaps do not exceed.
func reference(ring []syncline.CountedSighting) time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(ring); i++ {
		gaps = append(gaps, ring[i].At.Sub(ring[i-1].At))
	}
	if len(gaps) > 20 {
		gaps = gaps[len(gaps)-20:]
	}
	if len(gaps) < 4 {
		return 0
	}
	best := time.Duration(-1)
	for _, candidate := range gaps {
		within := 0
		for _, g := range gaps {
			if g <= candidate {
				within++
			}
		}
		if 10*within >= 9*len(gaps) && (best < 0 || candidate < best) {
			best = candidate
		}
	}
	return best
}

func TestRhythmAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		at := time.Unix(1_700_000_000, 0)
		ring := make([]syncline.CountedSighting, r.IntN(70))
		for i := range ring {
			ring[i].At = at
			at = at.Add(time.Duration(r.IntN(5)) * time.Duration(r.IntN(1000)) * time.Minute)
		}
		if got, want := Rhythm(ring), reference(ring); got != want {
			t.Fatalf("got %s, want %s for %d sightings", got, want, len(ring))
		}
	}
}

func TestLimit(t *testing.T) {
	for rhythm, want := range map[time.Duration]time.Duration{
		time.Minute: 2 * time.Hour, 80 * time.Minute: 2 * time.Hour, 24 * time.Hour: 36 * time.Hour, 7 * day: 252 * time.Hour,
	} {
		if got := limitOf(rhythm); got != want {
			t.Errorf("with gaps of %s: got %s, want %s", rhythm, got, want)
		}
	}
}

func TestAges(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"26h": 26 * time.Hour, "90m": 90 * time.Minute, "7d": 7 * day, "7d12h": 7*day + 12*time.Hour, "1m": time.Minute, "3650d": 3650 * day, "1h30m": 90 * time.Minute,
	} {
		got, err := ParseAge(text)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
		if again, err := ParseAge(DurationText(got)); err != nil || again != got {
			t.Errorf("%s is written as %s, which is %s, %v", text, DurationText(got), again, err)
		}
	}
	for _, text := range []string{"", "26", "-5h", "1s", "3650d1m", "87601h", "999999h", "d", "1.5d", "1d-2h", "9999999h", "99999999999999d", "1d1d", "5h1d", "h"} {
		if got, err := ParseAge(text); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
	for d, want := range map[time.Duration]string{day: "1d", 26 * time.Hour: "26h", 75 * time.Hour: "3d3h", 90 * time.Minute: "1h30m", 20 * time.Minute: "20m"} {
		if got := DurationText(d); got != want {
			t.Errorf("%v is written as %s, want %s", d, got, want)
		}
	}
}

func TestRules(t *testing.T) {
	s := syncline.Series{RepositoryID: "r", HostName: "Web1", Paths: []string{"/etc", "/srv"}, Tags: []string{"daily", "x"}}
	rule := func(name string, age int, change func(*syncline.AlarmRule)) syncline.AlarmRule {
		r := syncline.AlarmRule{ID: syncline.ID(name), Name: name, Kind: syncline.AlarmBackupLate, MaxAge: time.Duration(age) * time.Hour}
		change(&r)
		return r
	}
	// From the most specific one on.
	rules := []syncline.AlarmRule{
		rule("paths", 9, func(r *syncline.AlarmRule) { r.Paths = []string{"/srv", "/etc"} }),
		rule("host", 9, func(r *syncline.AlarmRule) { r.HostPattern = "wEB1" }),
		rule("pattern, repository", 9, func(r *syncline.AlarmRule) { r.HostPattern, r.RepositoryID = "web?", "r" }),
		rule("shorter pattern", 8, func(r *syncline.AlarmRule) { r.HostPattern = "w*" }),
		rule("pattern", 9, func(r *syncline.AlarmRule) { r.HostPattern = "web?" }),
		rule("tag", 9, func(r *syncline.AlarmRule) { r.Tag = "daily" }),
		rule("repository", 9, func(r *syncline.AlarmRule) { r.RepositoryID = "r" }),
		rule("all", 9, func(*syncline.AlarmRule) {}),
	}
	for i := range rules {
		left := rules[i:]
		for _, order := range [][]syncline.AlarmRule{left, reversed(left)} {
			if got := ruleFor(order, &s); got == nil || got.Name != rules[i].Name {
				t.Errorf("got %v, want %s", got, rules[i].Name)
			}
		}
	}
	for _, r := range []syncline.AlarmRule{
		rule("another kind", 1, func(r *syncline.AlarmRule) { r.Kind = syncline.AlarmStorageLow }),
		rule("disabled", 1, func(r *syncline.AlarmRule) { r.Disabled = true }),
		rule("other paths", 1, func(r *syncline.AlarmRule) { r.Paths = []string{"/etc"} }),
		rule("other host", 1, func(r *syncline.AlarmRule) { r.HostPattern = "eb1" }),
		rule("other tag", 1, func(r *syncline.AlarmRule) { r.Tag = "dail" }),
		rule("other repository", 1, func(r *syncline.AlarmRule) { r.RepositoryID = "q" }),
		rule("no pattern", 1, func(r *syncline.AlarmRule) { r.HostPattern = "[" }),
	} {
		if got := ruleFor([]syncline.AlarmRule{r}, &s); got != nil {
			t.Errorf("%s selects the series", r.Name)
		}
	}
	if CheckHostPattern("web*") != nil || syncline.CodeOf(CheckHostPattern("[a")) != syncline.CodeInvalid {
		t.Error("patterns are not checked")
	}
}

func reversed(list []syncline.AlarmRule) (out []syncline.AlarmRule) {
	for i := range list {
		out = append(out, list[len(list)-1-i])
	}
	return out
}
