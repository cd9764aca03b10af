package diskspace

import "testing"

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 63 << 30: "63.0 GiB", 900 << 40: "900.0 TiB", 1 << 60: "1048576.0 TiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes are %s, not %s", n, got, want)
		}
	}
}
