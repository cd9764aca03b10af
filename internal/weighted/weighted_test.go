package weighted_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/weighted"
)

func length(b []byte) int64 { return int64(len(b)) }

// whole makes a value that takes so many bytes in all.
func whole(bytes int) []byte { return make([]byte, bytes-weighted.Overhead) }

func want(t *testing.T, c *weighted.Cache[int, []byte], bytes int64, keys ...int) {
	t.Helper()
	values, held := c.Held()
	if values != len(keys) || held != bytes {
		t.Errorf("%d values and %d bytes are kept, want %d and %d", values, held, len(keys), bytes)
	}
	for _, key := range keys {
		if v, ok := c.Get(key); !ok || fmt.Sprint(len(v)) == "0" {
			t.Errorf("%d is not kept", key)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := weighted.New[int](10_000, length)
	for key := range 20 {
		c.Put(key, whole(1000))
	}
	want(t, c, 10_000, 11, 12, 13, 14, 15, 16, 17, 18, 19, 10) // 10 is the one used last
	c.Put(19, whole(3000))                                     // it grew; 11 and 12 go
	want(t, c, 10_000, 13, 14, 15, 16, 17, 18, 10, 19)
	c.Put(30, whole(10_001)) // more than all of it
	want(t, c, 10_000, 13, 14, 15, 16, 17, 18, 10, 19)
	c.Put(19, whole(10_001)) // what it was is not true any more
	want(t, c, 7000, 13, 14, 15, 16, 17, 18, 10)
	c.Put(31, whole(10_000))
	want(t, c, 10_000, 31)
	c.Clear()
	want(t, c, 0)
}

// TestSmallValuesAreBounded puts in values that take less memory than what the
// cache needs to find them.
func TestSmallValuesAreBounded(t *testing.T) {
	const bound = 1 << 22
	c := weighted.New[[32]byte](bound, length)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for no := range 100_000 {
		c.Put([32]byte{byte(no), byte(no >> 8), byte(no >> 16)}, make([]byte, 1))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	values, held := c.Held()
	if taken := after.HeapAlloc - before.HeapAlloc; values < 10_000 || held > bound || taken > 2*bound {
		t.Errorf("%d values take %d bytes of memory in a cache of %d, which counts %d", values, taken, bound, held)
	}
}

func TestNilCacheKeepsNothing(t *testing.T) {
	var c *weighted.Cache[int, []byte]
	c.Put(1, []byte("x"))
	if _, ok := c.Get(1); ok {
		t.Error("a nil cache keeps a value")
	}
	c.Clear()
	if values, bytes := c.Held(); values != 0 || bytes != 0 {
		t.Errorf("a nil cache has %d values of %d bytes", values, bytes)
	}
}

func TestCacheByManyAtOnce(t *testing.T) {
	c := weighted.New[int](20_000, length)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2_000 {
				key := (i*7 + g) % 100
				if v, ok := c.Get(key); ok && len(v) != key+1 {
					t.Errorf("%d has %d bytes", key, len(v))
				}
				c.Put(key, make([]byte, key+1))
			}
		})
	}
	wg.Wait()
	if _, held := c.Held(); held > 20_000 {
		t.Errorf("%d bytes are kept", held)
	}
}

func BenchmarkGet(b *testing.B) {
	c := weighted.New[int](1<<20, length)
	for key := range 100 {
		c.Put(key, make([]byte, 1000))
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.Get(i % 100)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	c := weighted.New[int](1<<20, length)
	value := make([]byte, 1000)
	for i := 0; b.Loop(); i++ {
		c.Put(i, value)
	}
}
