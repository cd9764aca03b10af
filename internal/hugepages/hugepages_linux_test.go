package hugepages

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestAdvise looks at what the kernel says of the process's memory.
func TestAdvise(t *testing.T) {
	if err := Advise(64 << 20); err != nil {
		t.Fatal(err)
	}
	if got := advised(t); got < 60<<20 {
		t.Errorf("%d bytes are to have huge pages, want some 64 million", got)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapInuse > 32<<20 {
		t.Errorf("%d bytes of the heap are still in use", m.HeapInuse)
	}
	if err := Advise(1 << 10); err != nil {
		t.Errorf("a part of a page: %v", err)
	}
}

// advised returns the bytes of mappings with the flag hg, see proc(5).
func advised(t *testing.T) (bytes int64) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch fields[0] {
		case "Size:":
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			size = kilobytes << 10
		case "VmFlags:":
			for _, flag := range fields[1:] {
				if flag == "hg" {
					bytes += size
				}
			}
		}
	}
	return bytes
}
