//go:build !windows

package fleet

import (
	"fmt"
	"slices"
	"time"
)

// throughputRounds is how often one node and three nodes take their turns.
const throughputRounds = 3

// throughput synchronizes 30 repositories for the first time, with one node and with three
// nodes of two sessions each, in turns. The medians count.
func (s *simulation) throughput() {
	const repositories, sessions = 30, 2
	times := make(map[int][]time.Duration)
	st := s.opened()
	for range throughputRounds {
		for _, count := range []int{1, 3} {
			ids := attach(s, st, repositories)
			s.start(count, sessions, 0)
			began := time.Now()
			for _, id := range ids {
				check(s, s.nodes[0].sessions.Begin(s.Context(), id))
			}
			share, total := make([]int, count), 0
			s.until("the sessions of a few nodes", func() bool {
				total += s.shares(share)
				return total >= repositories
			})
			times[count] = append(times[count], time.Since(began))
			s.end()
			for _, id := range ids {
				check(s, st.DeleteRepository(s.Context(), id))
			}
		}
	}
	one, three := median(times[1]), median(times[3])
	fmt.Fprintf(s.out, "three nodes against one: %.2f times the throughput (%v, %v)\n", one.Seconds()/three.Seconds(), times[1], times[3])
}

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
