//go:build !windows

package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
)

// patience bounds each wait for sessions.
const patience = 3 * time.Minute

// idleFor is how long the idle fleet is watched.
const idleFor = 40 * time.Second

func pause(length time.Duration) { <-time.After(length) }

// until waits for done, at which it looks a few times a second.
func (s *simulation) until(what string, done func() bool) {
	s.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			s.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// shares takes the sessions that each node has ended.
func (s *simulation) shares(to []int) (total int) {
	s.Helper()
	for i, n := range s.nodes {
		ended, failures := n.done()
		for _, f := range failures {
			s.Errorf("a session failed: %s", f)
		}
		to[i] += ended
		total += ended
	}
	return total
}

// report prints what sessions or checks cost.
func (s *simulation) report(name string, sp span, count int) {
	fmt.Fprintf(s.out, "%s: %d in %.0f s\n%s%s", name, count, sp.length.Seconds(), tableHead, sp.row(name, float64(count)))
}

func (s *simulation) fairness(share []int) {
	fmt.Fprintf(s.out, "shares %v: largest to smallest %.2f\n\n", share, float64(slices.Max(share))/float64(max(slices.Min(share), 1)))
}

// first has all repositories synchronized for the first time: all checks are due at once.
func (s *simulation) first() {
	share, total := make([]int, s.count), 0
	sp := s.meter.during(func() {
		s.start(s.count, sessionsAtOnce, ordinary)
		s.until("the first sessions", func() bool {
			total += s.shares(share)
			return total >= len(s.ids)
		})
	})
	s.report("first session", sp, total)
	s.fairness(share)
	s.end()
}

// turns has each repository checked in its turn. Each check finds a new snapshot.
func (s *simulation) turns(count int) {
	s.storage.setGrows(true)
	share, total, before := make([]int, s.count), 0, s.storage.counted()
	s.start(s.count, sessionsAtOnce, turn)
	s.meter.forget()
	sp := s.meter.during(func() {
		pause(time.Duration(count) * turn)
		total += s.shares(share)
	})
	s.report("check with a session", sp, total)
	fmt.Fprintf(s.out, "%d checks\n", s.storage.counted()-before)
	s.fairness(share)
	s.lists()
	s.storage.setGrows(false)
	s.until("the last sessions", func() bool { return s.unended("") == 0 })
	s.end()
}

// checked has repositories checked without anything new.
func (s *simulation) checked() {
	s.start(s.count, sessionsAtOnce, turn)
	s.meter.settle()
	before, after := s.storage.counted(), 0
	sp := s.meter.during(func() {
		pause(turn / 2)
		after = s.storage.counted()
	})
	s.report("check without news", sp, after-before)
	s.end()
}

// idle has a fleet in which the checks come as they do by themselves.
func (s *simulation) idle() {
	s.start(s.count, sessionsAtOnce, ordinary)
	s.until("rest", func() bool { return s.unended("") == 0 })
	s.meter.settle()
	s.meter.forget()
	before, after := s.storage.counted(), 0
	sp := s.meter.during(func() {
		pause(idleFor)
		after = s.storage.counted()
	})
	fmt.Fprintf(s.out, "idle:\n%s%s", tableHead, sp.row("minute", idleFor.Minutes()))
	fmt.Fprintf(s.out, "%d checks\n", after-before)
	s.lists()
	s.end()
}

// lists prints which statements and tables have the most to do.
func (s *simulation) lists() {
	fmt.Fprint(s.out, s.meter.top("calls")+s.meter.top("rows")+s.meter.top("total_exec_time")+s.meter.scans(s.url)+"\n")
}

// dropped takes the database away from a node that works, and has the others go on.
func (s *simulation) dropped() {
	s.start(s.count, sessionsAtOnce, 0)
	victim := s.nodes[len(s.nodes)-1]
	for _, id := range s.ids[:len(s.ids)/5] {
		s.storage.grow(id)
		check(s, s.nodes[0].sessions.Begin(s.Context(), id))
	}
	s.until("work on the last node", func() bool { return victim.runs.Leases().Held > 0 })
	victim.drop()
	began, held := time.Now(), s.unended(victim.id)
	s.until("the last node's work is taken over", func() bool { return s.unended(victim.id) == 0 })
	took := time.Since(began)
	s.until("all sessions end", func() bool { return s.unended("") == 0 })
	var over int64
	for _, n := range s.nodes[:len(s.nodes)-1] {
		over += n.runs.Leases().TakenOver
	}
	fmt.Fprintf(s.out, "a node is dropped with %d sessions: the others take over %d, the last one after %.1f s = %.2f leases\n\n",
		held, over, took.Seconds(), took.Seconds()/leaseTime.Seconds())
	s.end()
}

// watch returns connections that look at the work.
func (s *simulation) watch() *pgxpool.Pool {
	if s.watching == nil {
		pool, err := pgxpool.New(context.WithoutCancel(s.Context()), s.url)
		check(s, err)
		s.watching = pool
		s.Cleanup(pool.Close)
	}
	return s.watching
}

// unended counts the sessions that have not ended; owner "" is for all nodes.
func (s *simulation) unended(owner syncline.ID) (n int) {
	s.Helper()
	check(s, s.watch().QueryRow(context.Background(),
		`SELECT count(*) FROM syncline.work WHERE state IN ('queued', 'running') AND ($1 = '' OR owner = $1)`, string(owner)).Scan(&n))
	return n
}
