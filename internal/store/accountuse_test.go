package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"syncline.dev/syncline/internal/store"
)

// Shares follow what the nodes want, and never exceed the whole.
func TestDivide(t *testing.T) {
	now := time.Unix(1000, 0)
	for name, tt := range map[string]struct {
		whole int
		wants []int
		want  []int
	}{
		"alone":                 {32, []int{1}, []int{28}},
		"alone, wants all":      {32, []int{50}, []int{32}},
		"few connections":       {1, []int{9}, []int{1}},
		"equal":                 {32, []int{50, 50}, []int{16, 16}},
		"one wants little":      {32, []int{4, 50}, []int{4, 28}},
		"all want little":       {32, []int{4, 4}, []int{14, 14}},
		"one wants nothing":     {32, []int{0, 50}, []int{0, 32}},
		"a connection for each": {3, []int{9, 1, 9}, []int{1, 1, 1}},
		"turns":                 {2, []int{9, 9, 9}, []int{1, 1, 0}},
		"odd":                   {7, []int{9, 9, 9}, []int{2, 2, 3}},
	} {
		users := make([]store.AccountUser, len(tt.wants))
		for i, w := range tt.wants {
			users[i] = store.AccountUser{Node: fmt.Sprint(i), Wants: w, Since: now}
		}
		for i, want := range tt.want {
			if has, target := store.Divide(users, i, tt.whole, 0, now); has != want || target != want {
				t.Errorf("%s: node %d has %d, and is to have %d, not %d", name, i, has, target, want)
			}
		}
	}
}

// Nodes that are more than the connections take turns: each one gets its turn.
func TestTurns(t *testing.T) {
	now := time.Unix(1000, 0)
	users := make([]store.AccountUser, 5)
	for i := range users {
		users[i] = store.AccountUser{Node: fmt.Sprint(i), Wants: 3, Since: now}
	}
	turns := map[string]int{}
	for range 100 {
		now = now.Add(time.Second)
		sum := 0
		for i := range users {
			had := users[i].Has.Connections
			has, _ := store.Divide(users, i, 2, 0, now)
			if users[i].Has.Connections = has; has != had {
				users[i].Since = now
			}
			if has > had {
				turns[users[i].Node]++
			}
		}
		for i := range users {
			sum += users[i].Has.Connections
		}
		if sum > 2 {
			t.Fatalf("%d of 2 connections are given away", sum)
		}
	}
	for i := range users {
		if turns[users[i].Node] < 3 {
			t.Errorf("node %d had %d turns", i, turns[users[i].Node])
		}
	}
}

// A node never gets what another one has, whatever the nodes want and hold.
func TestDivideNeverExceeds(t *testing.T) {
	random := rand.New(rand.NewPCG(22, 1))
	for range 2000 {
		now, whole := time.Unix(1000, 0), 1+random.IntN(40)
		users := make([]store.AccountUser, 1+random.IntN(6))
		for i := range users {
			users[i] = store.AccountUser{Node: fmt.Sprint(i), Wants: random.IntN(60), Since: now}
		}
		for range 50 {
			now = now.Add(time.Duration(random.IntN(5000)) * time.Millisecond)
			i := random.IntN(len(users))
			users[i].Wants = random.IntN(60)
			holds := random.IntN(users[i].Has.Connections + 1)
			before := users[i].Has
			has, target := store.Divide(users, i, whole, holds, now)
			if has < min(holds, before.Connections) || target > whole {
				t.Fatalf("node %d has %d, holds %d, is to have %d of %d", i, has, holds, target, whole)
			}
			users[i].Has.Connections = has
			users[i].Has.Rate, _ = store.DivideRate(users, i, random.IntN(before.Rate+1))
			sum, rate := 0, 0
			for _, u := range users {
				sum, rate = sum+u.Has.Connections, rate+u.Has.Rate
			}
			if sum > whole || rate > store.AllRate {
				t.Fatalf("%d of %d connections and %d of the rate are given away", sum, whole, rate)
			}
		}
	}
}
