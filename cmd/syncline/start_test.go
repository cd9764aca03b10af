package main_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestStart bounds the memory that packages allocate before main. Each command pays for it. A
// library that compiles schemas or tables at its start doubles it.
func TestStart(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), program, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	total, packages := 0, 0
	for line := range strings.Lines(trace.String()) {
		// init PACKAGE @0.52 ms, 0.043 ms clock, 2776 bytes, 53 allocs
		words := strings.Fields(line)
		if len(words) != 11 || words[0] != "init" || words[8] != "bytes," {
			continue
		}
		bytes, err := strconv.Atoi(words[7])
		if err != nil {
			t.Fatal(err)
		}
		total, packages = total+bytes, packages+1
		if bytes > 600<<10 {
			t.Errorf("%s allocates %d bytes when a program starts", words[1], bytes)
		}
	}
	if packages < 50 || total > 5<<19 {
		t.Errorf("%d packages allocate %d bytes when the program starts", packages, total)
	}
}
