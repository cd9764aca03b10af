package mounts

import (
	"strings"
	"testing"
)

// TestLongLines reads a table with a line as long as an overlay's, and nothing of one with
// a longer line.
func TestLongLines(t *testing.T) {
	const nas = "40 35 98:0 / /mnt/nas rw - nfs4 nas:/export rw\n"
	overlay := func(n int) string {
		return "36 35 98:0 / / rw - overlay overlay rw,lowerdir=" + strings.Repeat("x", n) + "\n"
	}
	if all, err := mountsIn(strings.NewReader(overlay(500_000) + nas)); err != nil || len(all) != 2 || all[1].Point != "/mnt/nas" {
		t.Errorf("%d mounts, %v", len(all), err)
	}
	if _, err := mountsIn(strings.NewReader(overlay(maxLine) + nas)); err == nil {
		t.Error("a part of a table passes for the whole")
	}
}

func TestParse(t *testing.T) {
	const line = `36 35 98:0 /mnt1 /mnt\040two\134 rw,noatime master:1 - nfs4 nas:/export rw`
	if m, ok := parse(line); !ok || m != (Mount{"36", `/mnt two\`, "nfs4"}) {
		t.Errorf("got %+v, %v", m, ok)
	}
	for _, bad := range []string{"", "36 35 98:0 /", "36 35 98:0 / /mnt rw", "1 2 3 4 5 6 - "} {
		if m, ok := parse(bad); ok {
			t.Errorf("%q gave %+v", bad, m)
		}
	}
	if m, ok := of("/proc/self"); !ok || m.Type != "proc" || !m.Remote() {
		t.Errorf("/proc lies on %+v, %v", m, ok)
	}
}
