package mounts

import "testing"

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
