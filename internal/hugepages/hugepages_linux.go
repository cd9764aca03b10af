package hugepages

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// asked says that Advise was called.
var asked atomic.Bool

// Advise asks the kernel for huge pages for the next size bytes that the heap
// grows by. It is to be called once, before the heap is large; it takes some
// milliseconds. Where it fails, all goes on as it would have.
//
// The runtime has no call for this, but it keeps the address space of what it
// frees: so a block is made, advised while nothing of it is touched, and freed.
func Advise(size int) error {
	asked.Store(true)
	percent := debug.SetGCPercent(-1) // no collection because of the block, but one behind it
	err := advise(make([]byte, size))
	debug.SetGCPercent(percent)
	runtime.GC()
	return err
}

// Use asks for huge pages for a large table that was just made and is looked up at
// random places: each would otherwise need an entry of the processor's translation
// cache of its own. It does so where Advise was called, in a process that is short: the
// heap goes on to use the place of a table that is gone, in small pieces. Where it
// fails, and for a table that is not large, nothing is different.
func Use(table []uint32) {
	const least = 4 << 20 // bytes
	if asked.Load() && 4*len(table) >= least {
		_ = advise(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(table))), 4*len(table))) //nolint:gosec // the same memory
	}
}

func advise(block []byte) error {
	const huge = 2 << 20
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(block))) % huge) //nolint:gosec // the address only
	if skip >= len(block) {
		return nil
	}
	return unix.Madvise(block[skip:], unix.MADV_HUGEPAGE)
}
