package alarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// The conditions of a report are of its kind and have a severity.
func TestRefusedConditions(t *testing.T) {
	w := newWorld(t)
	kind, none := late("a", syncline.SeverityInfo), late("a", "")
	kind.Kind = syncline.AlarmStorageLow
	for _, c := range []syncline.Condition{kind, none} {
		if err := w.desk.Report(t.Context(), syncline.AlarmBackupLate, repository, []syncline.Condition{c}); syncline.CodeOf(err) != syncline.CodeInternal {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	if all := w.alarms(""); len(all) != 0 {
		t.Errorf("got %+v", all)
	}
}

// The words of an alarm are those of its condition, whichever of them changes. Nobody is
// told of that.
func TestChangedWords(t *testing.T) {
	w := newWorld(t)
	c := late("a", syncline.SeverityInfo)
	w.report(c)
	for i, change := range []func(){
		func() { c.HostName = "web1" },
		func() { c.Paths = []string{"/etc"} },
		func() { c.Message = "another one" },
		func() { c.Link = "/repositories" },
		func() { c.Paths = []string{"/srv"} },
	} {
		change()
		w.report(c)
		if a := w.alarms("")[0]; a.HostName != c.HostName || !slices.Equal(a.Paths, c.Paths) || a.Message != c.Message || a.Link != c.Link {
			t.Errorf("change %d: got %+v", i, a)
		}
	}
	w.want("a Began", "")
}

// Texts that are cut say so, and are text. No subject is taken for that of the alarm that
// stands for others.
func TestCut(t *testing.T) {
	c := syncline.Condition{Subject: rest, HostName: "\xff" + strings.Repeat("ä", maxHost), Message: strings.Repeat("m", maxMessage), Paths: slices.Repeat([]string{"/p"}, maxPaths+1)}
	got := cut(c)
	if got.Subject == rest || got.Subject == "" {
		t.Errorf("the subject is %q", got.Subject)
	}
	if !utf8.ValidString(got.HostName) || !strings.HasSuffix(got.HostName, "…") || len(got.HostName) < maxHost-4 {
		t.Errorf("the host is %q", got.HostName)
	}
	if got.Message != c.Message {
		t.Error("a text of the greatest length is cut")
	}
	if len(got.Paths) != maxPaths || got.Paths[maxPaths-1] != "…" {
		t.Errorf("the paths end with %q", got.Paths[len(got.Paths)-1])
	}
	if got := cut(syncline.Condition{Paths: c.Paths[:maxPaths]}); got.Paths[maxPaths-1] != "/p" {
		t.Error("the last one of as many paths as fit is cut")
	}
}

// The alarm that stands for others has the severity of the heaviest of them, and names
// the kind.
func TestTogether(t *testing.T) {
	for kind := range names {
		c := syncline.Condition{Kind: kind, Severity: syncline.SeverityWarning}
		heavy := c
		heavy.Severity = syncline.SeverityCritical
		got := together([]syncline.Condition{c, heavy, c})
		if want := fmt.Sprintf("and 3 more %s; ", names[kind]); got.Severity != syncline.SeverityCritical || got.Kind != kind || !strings.HasPrefix(got.Message, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
		c.RepositoryID = repository
		if got := together([]syncline.Condition{c}); got.RepositoryID != repository || !strings.Contains(got.Message, names[kind]+" in this repository; ") {
			t.Errorf("got %+v", got)
		}
	}
}

// contested is a store that another node was faster in for a number of times.
type contested struct {
	Store
	times, asked int
	fail         error
}

func (s *contested) ChangeAlarms(ctx context.Context, at time.Time, changes []store.AlarmChange) error {
	if s.asked++; s.asked <= s.times {
		return s.fail
	}
	return s.Store.ChangeAlarms(ctx, at, changes)
}

// A report that another node was faster with begins again, a few times.
func TestContested(t *testing.T) {
	w := newWorld(t)
	s := &contested{Store: w.store, times: attempts - 1, fail: syncline.Errorf(syncline.CodeConflict, "another node was faster")}
	w.desk.Store = s
	w.report(late("a", syncline.SeverityInfo))
	if w.changes != 1 || s.asked != attempts {
		t.Errorf("%d tries, and %d changes are told", s.asked, w.changes)
	}
	w.want("a Began", "")
	for code, asked := range map[syncline.Code]int{syncline.CodeConflict: attempts, syncline.CodeUnavailable: 1} {
		s.asked, s.times, s.fail = 0, 100, syncline.Errorf(code, "no")
		if err := w.desk.Report(t.Context(), syncline.AlarmBackupLate, repository, nil); syncline.CodeOf(err) != code || s.asked != asked || w.changes != 1 {
			t.Errorf("%s: %v after %d tries, and %d changes are told", code, err, s.asked, w.changes)
		}
	}
	w.desk.Store, w.desk.Changed = w.store, nil // for nobody
	w.report()
	w.want("a Began, a Ended", "")
}

// broken is a store that cannot remove anything.
type broken struct{ Store }

func (broken) ThinAlarms(context.Context, time.Time, int) (bool, error) {
	return true, errors.New("disk I/O error")
}

func TestTickFails(t *testing.T) {
	if err := (&Desk{Store: broken{}}).Tick(t.Context(), begin); err == nil {
		t.Error("the failure is not told")
	}
}
