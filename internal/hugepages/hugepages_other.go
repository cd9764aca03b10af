//go:build !linux

package hugepages

// Advise does nothing on this system.
func Advise(int) error { return nil }

// Use does nothing on this system.
func Use([]uint32) {}
