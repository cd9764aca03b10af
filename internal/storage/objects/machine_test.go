package objects

import (
	"testing"
	"testing/fstest"
)

// The firmware says which cloud a machine is in.
func TestMachine(t *testing.T) {
	dmi := func(name, text string) fstest.MapFS {
		return fstest.MapFS{"class/dmi/id/" + name: {Data: []byte(text + "\n")}}
	}
	for _, tt := range []struct {
		label  string
		sys    fstest.MapFS
		vendor Vendor
		want   Where
	}{
		{"nitro", dmi("sys_vendor", "Amazon EC2"), Amazon, Inside},
		{"xen", dmi("bios_version", "4.11.amazon"), Amazon, Inside},
		{"an old instance", fstest.MapFS{"hypervisor/uuid": {Data: []byte("EC2e1916-9099\n")}}, Amazon, Inside},
		{"a laptop", dmi("sys_vendor", "LENOVO"), Amazon, Outside},
		{"a container that sees nothing", fstest.MapFS{}, Amazon, Unknown},
		{"google", dmi("product_name", "Google Compute Engine"), Google, Inside},
		{"google is not amazon", dmi("product_name", "Google Compute Engine"), Amazon, Outside},
		{"azure", dmi("sys_vendor", "Microsoft Corporation"), Microsoft, Inside},
	} {
		if got := machine(tt.sys, tt.vendor); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.label, got, tt.want)
		}
	}
}
