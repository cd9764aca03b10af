// Package hugepages has the kernel give the first part of Go's heap, and large tables,
// out in huge pages (Linux's transparent huge pages, where they are set to madvise; the
// usual setting). A command that reads a catalog touches tens of thousands of pages
// once, and without this each costs a page fault.
package hugepages

// Size is the number of bytes at the beginning of the heap that a program of this
// project asks it for. They are address space: memory is taken as it is used.
const Size = 128 << 20
