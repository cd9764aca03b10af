package run

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns has work that comes and goes in any order. No more runs at once than there
// are places, urgent work goes before other work, and each goes before those that came
// after it.
func TestTurns(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) { playTurns(t, seed) })
	}
}

func playTurns(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	q := newQueue(3, 0)
	var begun []int
	urgent := make(map[int]bool)
	begin, end := make(chan int, 100), make(chan struct{})
	for i := range 40 {
		urgent[i] = rng.IntN(3) == 0
		go func() {
			tk := newTicket(urgent[i])
			if q.enter(t.Context(), tk) {
				begin <- i
				<-end
			}
			q.leave(tk)
		}()
		synctest.Wait() // the order of arrival is that of the numbers
	}
	if len(begin) != 3 {
		t.Fatalf("%d have begun in 3 places", len(begin))
	}
	for range 3 {
		begun = append(begun, <-begin)
	}
	for len(begun) < 40 {
		end <- struct{}{}
		synctest.Wait()
		if len(begin) != 1 {
			t.Fatalf("%d have begun in one place", len(begin))
		}
		begun = append(begun, <-begin)
	}
	for range 3 {
		end <- struct{}{}
	}
	synctest.Wait()
	for n := 4; n < len(begun); n++ {
		a, b := begun[n-1], begun[n]
		if urgent[b] && !urgent[a] || urgent[a] == urgent[b] && b < a {
			t.Errorf("seed %d: %d (urgent: %v) began before %d (urgent: %v)", seed, a, urgent[a], b, urgent[b])
		}
	}
	if q.free != 3 || len(q.waiting) != 0 {
		t.Errorf("seed %d: in the end %d places are free, %d wait", seed, q.free, len(q.waiting))
	}
}

// TestStalled has work in all places that does not go on. It lends them, and counts
// again when it goes on.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(2, time.Minute)
		enter := func(urgent bool) *ticket {
			tk := newTicket(urgent)
			go q.enter(t.Context(), tk)
			synctest.Wait()
			return tk
		}
		state := func(tickets ...*ticket) (s string) {
			q.mu.Lock()
			defer q.mu.Unlock()
			for _, tk := range tickets {
				s += fmt.Sprint(tk.state)
			}
			return s
		}
		a, b := enter(false), enter(false)
		c, d := enter(false), enter(false)
		if got := state(a, b, c, d); got != "1100" {
			t.Errorf("at first: %s", got)
		}
		<-time.After(30 * time.Second)
		q.alive(b)
		<-time.After(31 * time.Second)
		synctest.Wait()
		if got := state(a, b, c, d); got != "2110" {
			t.Errorf("the first one stalls: %s", got)
		}
		q.alive(a)
		e := enter(true)
		q.leave(c)
		if got := state(a, b, c, d, e); got != "11300" {
			t.Errorf("it goes on, and no place is free: %s", got)
		}
		q.leave(b)
		if got := state(a, b, c, d, e); got != "13301" {
			t.Errorf("urgent work is next: %s", got)
		}
		q.hurry(d)
		q.leave(a)
		q.leave(a)
		q.leave(e)
		if got := state(a, d, e); got != "313" || q.free != 1 {
			t.Errorf("the rest: %s, %d free", got, q.free)
		}
		q.leave(d)
	})
}
