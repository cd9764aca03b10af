package store_test

import (
	"context"
	"testing"
	"testing/synctest"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// A hub tells all readers. One that is slow is told that it has missed something, and one
// that has gone costs nothing.
func TestHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h store.Hub
		ctx, gone := context.WithCancel(t.Context())
		left := h.Wakes(ctx)
		reader := h.Wakes(t.Context())
		want := store.Wake{Topic: store.TopicWork, ID: "1"}
		if err := h.Wake(ctx, want); err != nil || <-reader != want || <-left != want {
			t.Fatal("not heard", err)
		}
		gone()
		synctest.Wait()
		const many = 1000
		for i := range many {
			if err := h.Wake(ctx, store.Wake{Topic: store.TopicStop, ID: syncline.ID(rune('a' + i%20))}); err != nil {
				t.Fatal(err)
			}
		}
		all, told := 0, false
		for len(reader) > 0 {
			w := <-reader
			all++
			told = told || w.Topic == store.TopicAll
		}
		if !told || all > 300 || len(left) != 0 {
			t.Errorf("a slow reader has %d wake-ups (told of the rest: %v), one that left %d", all, told, len(left))
		}
	})
}
