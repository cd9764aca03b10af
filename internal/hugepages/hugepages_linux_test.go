package hugepages

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// TestAdvise looks at what the kernel says of the process's memory.
func TestAdvise(t *testing.T) {
	if err := Advise(64 << 20); err != nil {
		t.Fatal(err)
	}
	if got, _ := advised(t, nil); got < 60<<20 {
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

// TestUse asks for a large table, for none that is small, and for none before Advise. It
// does so in a process of its own.
func TestUse(t *testing.T) {
	const child = "SYNCLINE_TEST_USE"
	if os.Getenv(child) == "" {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUse$", "-test.v")
		command.Env = append(os.Environ(), child+"=1")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	large, small := make([]uint32, 4<<20), make([]uint32, 1<<20-1)
	in := func(table []uint32) bool {
		_, ok := advised(t, &table[len(table)/2])
		return ok
	}
	if Use(large); in(large) || in(small) {
		t.Fatal("tables are to have huge pages in a process that has not called Advise")
	}
	if err := Advise(1); err != nil {
		t.Fatal(err)
	}
	Use(nil)
	if Use(small); in(small) {
		t.Error("a small table is to have huge pages")
	}
	if Use(large); !in(large) {
		t.Error("a large table is to have no huge pages")
	}
}

// advised returns the bytes of mappings with the flag hg, see proc(5), and whether
// one of them holds the place.
func advised(t *testing.T, place *uint32) (bytes int64, holds bool) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	address := uint64(uintptr(unsafe.Pointer(place)))
	var first, end uint64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case !strings.HasSuffix(fields[0], ":"): // a mapping begins
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &first, &end); err != nil {
				t.Fatal(err)
			}
		case fields[0] == "VmFlags:" && slices.Contains(fields, "hg"):
			bytes += int64(end - first)
			holds = holds || first <= address && address < end
		}
	}
	return bytes, holds
}
