package auth

import (
	"testing"
	"time"

	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.RunAttempts(t, func(_ *testing.T, n int) ([]store.Attempts, func(time.Duration)) {
		c := &clock{now: time.Unix(1000, 0)}
		m := newMemory(c.Now)
		nodes := make([]store.Attempts, n)
		for i := range nodes {
			nodes[i] = m
		}
		return nodes, c.Add
	})
}
