package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func millis(list ...int) []time.Duration {
	out := make([]time.Duration, 0, len(list))
	for _, n := range list {
		out = append(out, time.Duration(n)*time.Millisecond)
	}
	return out
}

func TestSlower(t *testing.T) {
	for what, q := range map[string]struct {
		this, release []time.Duration
		want          bool
	}{
		"the same":                         {millis(100, 101, 102, 103, 104), millis(100, 101, 102, 103, 104), false},
		"faster":                           {millis(80, 81, 82, 83, 84), millis(100, 101, 102, 103, 104), false},
		"all slower":                       {millis(120, 121, 122, 123, 124), millis(100, 101, 102, 103, 104), true},
		"in another order":                 {millis(124, 120, 122, 121, 123), millis(104, 100, 103, 102, 101), true},
		"one late run of the release":      {millis(120, 121, 122, 123, 124), millis(100, 101, 102, 103, 400), true},
		"two late runs of the release":     {millis(120, 121, 122, 123, 124), millis(100, 101, 102, 400, 410), false},
		"one quick run of this":            {millis(101, 121, 122, 123, 124), millis(100, 101, 102, 103, 104), false},
		"late runs of this":                {millis(100, 101, 400, 410, 420), millis(100, 101, 102, 103, 104), false},
		"within the noise":                 {millis(1040, 1041, 1042, 1043, 1044), millis(1000, 1001, 1002, 1003, 1004), false},
		"too few turns":                    {millis(200, 201, 202), millis(100, 101, 102), false},
		"a release that nothing was known": {millis(200, 201, 202, 203, 204), nil, false},
	} {
		if got := slower(q.this, q.release); got != q.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// costs are runs of this time each, of which half is CPU time.
func costs(list ...int) (out []usage) {
	for _, d := range millis(list...) {
		out = append(out, usage{wall: d, cpu: d / 2})
	}
	return out
}

// TestConfirm marks a row that is slower twice, by the measures by which it is.
func TestConfirm(t *testing.T) {
	fast, slow := costs(100, 101, 102, 103, 104), costs(200, 201, 202, 203, 204)
	asked := 0
	again := func(p paired) func() (paired, error) {
		return func() (paired, error) { asked++; return p, nil }
	}
	p, err := paired{this: slow, release: fast}.confirm(again(paired{this: slow, release: fast}))
	if err != nil || !slices.Equal(p.slow, []string{"time", "CPU time"}) || len(p.this) != 10 || len(p.release) != 10 {
		t.Errorf("slower twice: %q with %d and %d runs, %v", p.slow, len(p.this), len(p.release), err)
	}
	if got := p.String(); got != "**1.98**, CPU **1.98**" {
		t.Errorf("the cell is %s", got)
	}
	busy := costs(200, 201, 202, 203, 204)
	for i := range busy {
		busy[i].cpu = fast[i].cpu // other work held it up
	}
	p, err = paired{this: slow, release: fast}.confirm(again(paired{this: busy, release: fast}))
	if err != nil || !slices.Equal(p.slow, []string{"time"}) {
		t.Errorf("slower by time alone the second time: %q, %v", p.slow, err)
	}
	p, err = paired{this: slow, release: fast}.confirm(again(paired{this: fast, release: fast}))
	if err != nil || len(p.slow) > 0 {
		t.Errorf("slower once: %q, %v", p.slow, err)
	}
	if asked != 3 {
		t.Errorf("asked again %d times", asked)
	}
	if p, err = (paired{this: fast, release: fast}).confirm(again(p)); err != nil || asked != 3 || p.String() != "1.00, CPU 1.00" {
		t.Errorf("as fast: asked again %d times, %s, %v", asked, p, err)
	}
}

func TestByTurns(t *testing.T) {
	c := &comparison{syncline: "this", release: "release", scratch: "scratch", out: io.Discard}
	var order []string
	p, err := c.byTurns("x", func(s side) (usage, error) {
		order = append(order, s.program)
		return usage{wall: time.Second, out: []byte("answer")}, nil
	})
	if err != nil || len(p.this) != 7 || len(p.release) != 7 || string(p.this[0].out) != "answer" || p.this[1].out != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if want := []string{"this", "release", "release", "this", "this", "release"}; !slices.Equal(order[:6], want) {
		t.Errorf("the order is %q", order)
	}
	unknown := exec.CommandContext(t.Context(), "sh", "-c", "exit 2").Run()
	p, err = c.byTurns("new command", func(s side) (usage, error) {
		if s.release {
			return usage{}, unknown
		}
		return usage{wall: time.Second}, nil
	})
	if err != nil || len(p.this) != 7 || p.release != nil || p.String() != "" {
		t.Errorf("a command that the release does not know: %+v, %v", p, err)
	}
	if want := []string{"new command: without the release. It does not know the command or a flag of it."}; !slices.Equal(c.notes, want) {
		t.Errorf("notes %q", c.notes)
	}
	if _, err := c.byTurns("x", func(side) (usage, error) { return usage{}, unknown }); err == nil {
		t.Error("this program's fault is no error")
	}
	if got := reason(errors.New("syncline ls: exit status 1\nmore")); got != "It fails: syncline ls: exit status 1" {
		t.Errorf("the reason is %q", got)
	}
	c.release = ""
	if p, err = c.byTurns("x", func(side) (usage, error) { return usage{}, nil }); err != nil || len(p.this) != 7 || p.release != nil {
		t.Errorf("without a release: %+v, %v", p, err)
	}
}

func TestTurns(t *testing.T) {
	for both, want := range map[time.Duration]int{
		time.Millisecond: 7, 2 * time.Second: 7, 5 * time.Second: judged, 30 * time.Second: judged, time.Minute: 3, time.Hour: 1,
	} {
		if got := turns(both); got != want {
			t.Errorf("%s: %d turns", both, got)
		}
	}
}

func TestChosen(t *testing.T) {
	names := func(c *comparison) string {
		list, err := c.chosen()
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, s := range list {
			out = append(out, s.name)
		}
		return strings.Join(out, " ")
	}
	all := names(&comparison{})
	if !strings.Contains(all, "cold") || !strings.HasSuffix(all, "kopia") {
		t.Errorf("all steps: %s", all)
	}
	if got := names(&comparison{quick: true}); got != "versions floor first nothing more searches listings differences news restores server served" {
		t.Errorf("quick: %s", got)
	}
	if got := names(&comparison{steps: "news, lists"}); got != "versions floor first news lists" {
		t.Errorf("two steps: %s", got)
	}
	if got := names(&comparison{steps: "nothing,none"}); got != `there is no step "none"` {
		t.Errorf("an unknown step: %s", got)
	}
}

// TestPartsAreNotWritten refuses to put a part of the figures into a document.
func TestPartsAreNotWritten(t *testing.T) {
	for _, c := range []comparison{{quick: true}, {steps: "news"}} {
		if err := c.main(context.Background(), options{into: "doc.md"}); err == nil || !strings.Contains(err.Error(), "not whole") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
