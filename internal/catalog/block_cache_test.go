package catalog

import "testing"

func TestBlockCacheIsBounded(t *testing.T) {
	c := newBlockCache[*nameBlock](1000)
	block := func(n int) *nameBlock { return &nameBlock{text: make([]byte, n)} }
	key := func(n int) blockKey { return blockKey{1, 1, uint64(n)} }
	for i := range 20 {
		c.add(key(i), block(100))
	}
	if _, ok := c.get(key(19)); !ok || c.lru.Len() != 10 || c.size.Load() != 1000 {
		t.Errorf("%d blocks, %d bytes", c.lru.Len(), c.size.Load())
	}
	c.get(key(10))
	c.add(key(19), block(300)) // it grew
	if _, ok := c.get(key(10)); !ok || c.size.Load() != 1000 || c.lru.Len() != 8 {
		t.Errorf("%d blocks, %d bytes", c.lru.Len(), c.size.Load())
	}
	if _, ok := c.get(key(11)); ok {
		t.Error("what was not used for longest is still there")
	}
	c.add(key(30), block(1001)) // more than all of it
	if c.size.Load() != 0 || c.lru.Len() != 0 {
		t.Errorf("%d blocks, %d bytes", c.lru.Len(), c.size.Load())
	}
}
