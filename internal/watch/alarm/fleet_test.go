package alarm

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// TestTwoDesks has the desks of three nodes that report the same at once, again and again.
// Each step is made once, and told once.
func TestTwoDesks(t *testing.T) {
	w := newWorld(t)
	desks := make([]*Desk, 3)
	for i := range desks {
		desks[i] = &Desk{Store: w.store, Now: w.desk.Now, NewID: w.desk.NewID}
	}
	all := func(now ...syncline.Condition) {
		t.Helper()
		var reports sync.WaitGroup
		for _, d := range desks {
			reports.Go(func() {
				if err := d.Report(t.Context(), syncline.AlarmBackupLate, repository, now); err != nil {
					t.Error(err)
				}
			})
		}
		reports.Wait()
	}
	var subjects []string
	for i := range 20 {
		subject := fmt.Sprintf("s%02d", i)
		subjects = append(subjects, subject)
		all(late(subject, syncline.SeverityWarning))
		all(late(subject, syncline.SeverityCritical))
		all()
	}
	told, later := w.events()
	want := make(map[string]int)
	for _, s := range subjects {
		for _, event := range []string{"Began", "Worsened", "Ended"} {
			want[s+" "+event] = 1
		}
	}
	for _, line := range told {
		want[line]--
	}
	for line, n := range want {
		if n != 0 {
			t.Errorf("%s is told %d times, want once", line, 1-n)
		}
	}
	if n := len(w.alarms("")); n != len(subjects) || len(later) != 0 {
		t.Errorf("%d alarms, want %d; later %q", n, len(subjects), later)
	}

	// It comes back, and ends: told once, an hour later.
	w.now = w.now.Add(time.Minute)
	all(late("s19", syncline.SeverityWarning))
	w.now = w.now.Add(time.Minute)
	all()
	all(late("s19", syncline.SeverityWarning))
	all()
	told, later = w.events()
	if n := count(told, "s19 Began"); n != 2 || !slices.Equal(later, []string{"s19 Ended"}) {
		t.Errorf("the second begin is told %d times, and later %q", n-1, later)
	}
}

func count(list []string, what string) (n int) {
	for _, line := range list {
		if line == what {
			n++
		}
	}
	return n
}

// lowDisk is the condition of a node's disk.
func lowDisk(severity syncline.Severity) syncline.Condition {
	return syncline.Condition{Kind: syncline.AlarmStorageLow, Severity: severity, Subject: "data", Message: "The disk is full"}
}

// holds says whether a node has the duty.
type holds bool

// Keep implements Duty.
func (h holds) Keep(ctx context.Context) { <-ctx.Done() }

func (h holds) Held(ctx context.Context) (context.Context, error) {
	if !h {
		return nil, nil
	}
	return ctx, nil
}

// TestParts has the disks of two nodes, of which one is removed.
func TestParts(t *testing.T) {
	w := newWorld(t)
	open := func(want ...string) {
		t.Helper()
		var got []string
		for _, a := range w.alarms(syncline.AlarmStateOpen) {
			got = append(got, a.Subject+" "+string(a.Severity))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("open are %q, want %q", got, want)
		}
	}
	report := func(part string, now ...syncline.Condition) {
		t.Helper()
		if err := w.desk.ReportPart(t.Context(), syncline.AlarmStorageLow, part, now); err != nil {
			t.Fatal(err)
		}
	}
	turn := func() {
		t.Helper()
		if err := w.desk.turn(t.Context(), new(time.Time)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.desk.Report(t.Context(), syncline.AlarmStorageLow, "", []syncline.Condition{lowDisk(syncline.SeverityWarning)}); err != nil {
		t.Fatal(err) // from the time before there were several nodes
	}
	report("a", lowDisk(syncline.SeverityWarning))
	report("b", lowDisk(syncline.SeverityCritical))
	report("b", lowDisk(syncline.SeverityCritical))
	open("a/data Warning", "b/data Critical", "data Warning")
	report("a")
	open("b/data Critical", "data Warning")
	report("a", lowDisk(syncline.SeverityWarning))

	turn()
	open("a/data Warning", "b/data Critical", "data Warning")
	w.desk.Parts = func(context.Context) ([]string, error) { return strings.Fields("a c"), nil }
	w.desk.Duty = holds(false)
	turn()
	open("a/data Warning", "b/data Critical", "data Warning")
	w.desk.Duty = holds(true)
	turn()
	open("a/data Warning")
}

// keeps is a duty that nobody else wants.
type keeps struct {
	begun, ended chan struct{}
}

func (k keeps) Held(ctx context.Context) (context.Context, error) { return ctx, nil }

func (k keeps) Keep(ctx context.Context) {
	close(k.begun)
	<-ctx.Done()
	close(k.ended)
}

// The desk keeps its duty while it runs, also between two rounds, and lets it go at the end.
func TestDeskKeepsItsDuty(t *testing.T) {
	w := newWorld(t)
	k := keeps{make(chan struct{}), make(chan struct{})}
	w.desk.Duty = k
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		w.desk.Run(ctx, slog.New(slog.DiscardHandler))
		close(over)
	}()
	<-k.begun
	stop()
	<-over
	select {
	case <-k.ended:
	default:
		t.Error("the desk has ended, and still keeps its duty")
	}
}

// A repository is being removed: reports of this node and of another one begin no alarm that
// nobody would hear the end of. When the removal has failed, they do.
func TestNoAlarmBeginsDuringRemoval(t *testing.T) {
	w := newWorld(t)
	other := &Desk{Store: w.store, Now: w.desk.Now, NewID: w.desk.NewID}
	both := func() (open int) {
		t.Helper()
		w.report(late("a", syncline.SeverityWarning))
		open = len(w.alarms(syncline.AlarmStateOpen))
		if err := other.Report(t.Context(), syncline.AlarmBackupLate, repository, []syncline.Condition{late("a", syncline.SeverityCritical)}); err != nil {
			t.Error(err)
		}
		return open + len(w.alarms(syncline.AlarmStateOpen))
	}
	if both() != 2 {
		t.Fatal("no alarm began")
	}
	hold := store.Hold{ID: "1f0ba6e4-4e8e-4ac9-9f6b-8a86e6a4d1a1", RepositoryID: repository}
	if err := w.store.HoldWork(t.Context(), hold, time.Hour); err != nil {
		t.Fatal(err)
	}
	back, err := w.desk.EndAll(store.WithHold(t.Context(), hold), repository)
	if err != nil {
		t.Fatal(err)
	}
	if both() != 0 {
		t.Errorf("alarms during the removal: %+v", w.alarms(syncline.AlarmStateOpen))
	}
	if err := w.store.DropHold(t.Context(), hold.ID); err != nil {
		t.Fatal(err)
	}
	w.report(late("a", syncline.SeverityWarning))
	if open := w.alarms(syncline.AlarmStateOpen); len(open) != 0 {
		t.Errorf("this node alone begins %+v", open)
	}
	back()
	if both() != 2 {
		t.Error("after a removal that failed no alarm begins")
	}
}
