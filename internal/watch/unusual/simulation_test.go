package unusual_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"syncline.dev/syncline/internal/watch/unusual"
)

var simulated = flag.Int("simulated", 4, "series of each kind that are simulated for two years")

// days of a simulation. The first hundred only make a past.
const days, warmUp = 830, 100

// model is what a series' files do. Rates are of files a backup.
type model struct {
	name  string
	files func(r *rand.Rand) float64
	size  float64 // mean bytes of a file
	// day returns what a backup brings.
	day func(r *rand.Rand, s *state) event
}

// state is the files of a series on the way.
type state struct {
	day          int
	files, bytes float64
}

type event struct {
	added, removed, changed, renamed, kinds float64
	growth                                  float64 // bytes beside those of added and removed files
	planned                                 bool    // a person did it: a clean-up, an upgrade
}

func workday(day int) bool { return day%7 < 5 }

func between(low, high float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		return math.Exp(math.Log(low) + r.Float64()*(math.Log(high)-math.Log(low)))
	}
}

// tail is a number with a long tail around a median.
func tail(r *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}

// chance is true about so many times a year.
func chance(r *rand.Rand, timesAYear float64) bool { return r.Float64() < timesAYear/365 }

var models = []model{
	{"office documents", between(3_000, 60_000), 300e3, func(r *rand.Rand, s *state) (e event) {
		if !workday(s.day) {
			return event{changed: tail(r, 0.0002, 1) * s.files}
		}
		e = event{changed: tail(r, 0.006, 0.7) * s.files, added: tail(r, 0.002, 0.8) * s.files, removed: tail(r, 0.0008, 1) * s.files, renamed: tail(r, 0.0003, 1.2) * s.files}
		switch {
		case s.day%365 == 10: // the yearly clean-up
			e.removed, e.planned = (0.05+0.25*r.Float64())*s.files, true
		case chance(r, 4): // a project is filed elsewhere
			e.renamed += r.Float64() * 0.04 * s.files
		case chance(r, 1): // a new program's documents
			e.kinds = 20 + r.Float64()*0.01*s.files
			e.added += e.kinds
		}
		return e
	}},
	{"server (/etc, /var, logs)", between(8_000, 200_000), 60e3, func(r *rand.Rand, s *state) (e event) {
		e = event{changed: tail(r, 0.003, 0.4) * s.files, added: tail(r, 0.001, 0.6) * s.files, removed: tail(r, 0.001, 0.6) * s.files, renamed: tail(r, 0.002, 0.3) * s.files}
		switch {
		case s.day%7 == 6: // updates
			e.changed += tail(r, 0.01, 0.8) * s.files
			e.added, e.removed = e.added+tail(r, 0.002, 1)*s.files, e.removed+tail(r, 0.002, 1)*s.files
		case s.day%365 == 200: // the system is upgraded
			e.changed, e.removed, e.added, e.planned = 0.45*s.files, 0.12*s.files, 0.15*s.files, true
		}
		return e
	}},
	{"database dumps", between(30, 400), 80e6, func(r *rand.Rand, s *state) event {
		n := 1 + r.Float64()*2
		return event{changed: 0.9 * s.files, added: n, removed: n, growth: tail(r, 0.001, 1) * s.bytes}
	}},
	{"database cluster (page files)", between(2_000, 20_000), 2e6, func(r *rand.Rand, s *state) event {
		return event{changed: min(0.9, tail(r, 0.25, 0.4)) * s.files, added: tail(r, 0.004, 0.8) * s.files, removed: tail(r, 0.003, 0.8) * s.files}
	}},
	{"mail (maildir)", between(20_000, 400_000), 40e3, func(r *rand.Rand, s *state) (e event) {
		e = event{added: tail(r, 0.0015, 0.6) * s.files, renamed: tail(r, 0.001, 0.8) * s.files, removed: tail(r, 0.0006, 0.8) * s.files, changed: tail(r, 0.0002, 0.5) * s.files}
		if s.day%30 == 3 { // folders are archived
			e.renamed += tail(r, 0.01, 0.6) * s.files
		}
		if chance(r, 1) {
			e.removed, e.planned = (0.05+0.2*r.Float64())*s.files, true
		}
		return e
	}},
	{"photos", between(5_000, 120_000), 4e6, func(r *rand.Rand, s *state) (e event) {
		if chance(r, 40) { // an import
			e.added = 30 + tail(r, 200, 1)
		}
		if chance(r, 15) {
			e.changed = tail(r, 0.002, 1) * s.files
		}
		if chance(r, 2) { // sorted anew
			e.renamed = r.Float64() * 0.08 * s.files
		}
		return e
	}},
	{"development", between(20_000, 300_000), 15e3, func(r *rand.Rand, s *state) (e event) {
		if !workday(s.day) {
			return event{changed: tail(r, 0.0005, 1) * s.files}
		}
		e = event{changed: tail(r, 0.004, 1) * s.files, added: tail(r, 0.004, 1.2) * s.files, removed: tail(r, 0.003, 1.2) * s.files, renamed: tail(r, 0.0005, 1.5) * s.files}
		if chance(r, 50) { // another branch, packages anew
			n := min(0.5, tail(r, 0.08, 0.8)) * s.files
			e.changed, e.added, e.removed = e.changed+n/2, e.added+n, e.removed+n
		}
		if chance(r, 3) {
			e.kinds = tail(r, 30, 1)
			e.added += e.kinds
		}
		return e
	}},
	{"home of a workstation", between(30_000, 250_000), 120e3, func(r *rand.Rand, s *state) (e event) {
		e = event{changed: tail(r, 0.004, 0.6) * s.files, added: tail(r, 0.006, 0.9) * s.files, removed: tail(r, 0.005, 0.9) * s.files, renamed: tail(r, 0.0002, 1.5) * s.files}
		if chance(r, 6) { // caches are cleared
			e.removed += tail(r, 0.05, 0.5) * s.files
		}
		if s.day%365 == 90 {
			e.changed, e.added, e.removed, e.planned = 0.2*s.files, 0.2*s.files, 0.2*s.files, true
		}
		return e
	}},
	{"small folder", between(20, 150), 100e3, func(r *rand.Rand, s *state) (e event) {
		if chance(r, 60) {
			e.changed = r.Float64() * 0.6 * s.files
		}
		if chance(r, 10) {
			e.removed, e.added = r.Float64()*0.5*s.files, r.Float64()*0.6*s.files
		}
		return e
	}},
}

// measure is what a comparison of two backups finds of an event.
func (s *state) measure(e event) (m unusual.Measure) {
	whole := func(x float64, most float64) uint64 { return uint64(math.Round(max(0, min(x, most)))) }
	mean := s.bytes / max(1, s.files)
	m.FilesBefore, m.BytesBefore = uint64(s.files), uint64(s.bytes)
	m.Renamed = whole(e.renamed, s.files/2)
	m.Removed = whole(e.removed, s.files/2) + m.Renamed
	m.Changed = whole(e.changed, s.files-float64(m.Removed))
	m.Added = whole(e.added, math.Inf(1)) + m.Renamed
	m.NewKinds = whole(e.kinds, float64(m.Added))
	s.files += float64(m.Added) - float64(m.Removed)
	s.bytes += (float64(m.Added)-float64(m.Removed))*mean + e.growth
	m.Files, m.Bytes = uint64(s.files), uint64(s.bytes)
	return m
}

// attacks are the planted changes, on top of an ordinary day.
var attacks = []struct {
	name string
	do   func(e *event, files float64)
}{
	{"contents changed", func(e *event, n float64) { e.changed += n }},
	{"changed and renamed", func(e *event, n float64) { e.removed, e.added, e.kinds = e.removed+n, e.added+n, e.kinds+n }},
	{"renamed", func(e *event, n float64) { e.renamed += n }},
	{"deleted", func(e *event, n float64) { e.removed += n }},
}

var shares = []float64{0.1, 0.3, 0.8}

type tally struct {
	years           float64
	alarms, planned int // without a plan, and with one
	seen, all       map[string]int
}

// simulate runs one series for its days. Each day it also plants every attack into a
// copy of the backup and sees whether it is found at once.
func simulate(seed uint64, m model, t *tally) {
	r := rand.New(rand.NewPCG(seed, 7))
	s := state{files: m.files(r)}
	s.bytes = s.files * m.size
	var past []unusual.Measure
	for ; s.day < days; s.day++ {
		before, e := s, m.day(r, &s)
		measured := s.measure(e)
		found := unusual.Judge(past, measured)
		if s.day >= warmUp {
			t.years += 1.0 / 365
			switch {
			case len(found) > 0 && e.planned:
				t.planned++
			case len(found) > 0:
				t.alarms++
			}
			if s.day%10 == 0 && !e.planned {
				t.plant(before, e, past)
			}
		}
		measured.Flagged = len(found) > 0
		past = append(past, measured)
		past = past[max(0, len(past)-unusual.MaxPast):]
	}
}

func (t *tally) plant(before state, e event, past []unusual.Measure) {
	for _, share := range shares {
		for _, a := range attacks {
			s, attacked := before, e
			a.do(&attacked, share*s.files)
			name := fmt.Sprintf("%s %.0f %%", a.name, 100*share)
			t.all[name]++
			if len(unusual.Judge(past, s.measure(attacked))) > 0 {
				t.seen[name]++
			}
		}
	}
}

// TestSimulatedYears holds the figures of docs/reliability.md: with more series,
//
//	go test ./internal/watch/unusual -run SimulatedYears -v -simulated 50
func TestSimulatedYears(t *testing.T) {
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "series\tfalse a year\tplanned a year")
	for _, a := range attacks {
		fmt.Fprintf(out, "\t%s 10/30/80 %%", a.name)
	}
	fmt.Fprintln(out)
	var all tally
	all.seen, all.all = map[string]int{}, map[string]int{}
	for i, m := range models {
		one := tally{seen: map[string]int{}, all: map[string]int{}}
		for n := range *simulated {
			simulate(uint64(1000*i+n), m, &one)
		}
		one.print(out, m.name)
		all.years, all.alarms, all.planned = all.years+one.years, all.alarms+one.alarms, all.planned+one.planned
		for name, n := range one.all {
			all.all[name], all.seen[name] = all.all[name]+n, all.seen[name]+one.seen[name]
		}
	}
	all.print(out, "all")
	out.Flush()
	fmt.Fprint(os.Stderr, text.String())
	if rate := float64(all.alarms) / all.years; rate > 2 {
		t.Errorf("%.2f false alarms per series and year", rate)
	}
}

func (t *tally) print(out *tabwriter.Writer, name string) {
	fmt.Fprintf(out, "%s\t%.2f\t%.2f", name, float64(t.alarms)/t.years, float64(t.planned)/t.years)
	for _, a := range attacks {
		var parts []string
		for _, share := range shares {
			key := fmt.Sprintf("%s %.0f %%", a.name, 100*share)
			parts = append(parts, fmt.Sprintf("%.0f", 100*float64(t.seen[key])/float64(max(1, t.all[key]))))
		}
		fmt.Fprintf(out, "\t%s", strings.Join(parts, "/"))
	}
	fmt.Fprintln(out)
}
