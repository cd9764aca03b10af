package peer

import (
	"strings"
	"testing"

	"syncline.dev/syncline"
)

func TestClient(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48", "::ffff:198.51.100.0/120"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"no proxy, no header", "203.0.113.9:4711", nil, "203.0.113.9"},
		{"a stranger's header counts for nothing", "203.0.113.9:4711", []string{"1.2.3.4"}, "203.0.113.9"},
		{"a proxy without a header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"one hop", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what a client wrote before", "10.0.0.1:1", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9, 192.0.2.7"}, "203.0.113.9"},
		{"two headers are one list", "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9", "10.9.9.9,192.0.2.7"}, "203.0.113.9"},
		{"all are proxies", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no address ends the list", "10.0.0.1:1", []string{"203.0.113.9, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"an empty hop ends the list", "10.0.0.1:1", []string{"203.0.113.9, "}, "10.0.0.1"},
		{"a port", "10.0.0.1:1", []string{"203.0.113.9:55"}, "203.0.113.9"},
		{"IPv6", "[2001:db8:1::1]:443", []string{"2001:db8:2::5"}, "2001:db8:2::5"},
		{"IPv6 with a port", "[2001:db8:1::1]:443", []string{"[2001:db8:2::5]:99"}, "2001:db8:2::5"},
		{"IPv6 in brackets", "[2001:db8:1::1]:443", []string{"[2001:db8:2::5]"}, "2001:db8:2::5"},
		{"a mapped proxy", "[::ffff:10.0.0.1]:443", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a mapped network", "198.51.100.9:443", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"no more hops than are looked at", "10.0.0.1:1", []string{"203.0.113.9" + strings.Repeat(",10.0.0.4", maxHops)}, "10.0.0.4"},
		{"no address at all", "pipe", []string{"203.0.113.9"}, "pipe"},
	} {
		if got := p.Client(c.remote, c.forwarded); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if !p.Has("10.1.2.3:80") || p.Has("11.1.2.3:80") || (Proxies{}).Has("10.1.2.3:80") {
		t.Error("the wrong addresses are proxies")
	}
}

func TestParseProxiesRefuses(t *testing.T) {
	for _, text := range []string{"", "10.0.0.0/33", "10.0.0.1/8", "proxy.example.com", "10.0.0.0/8,11.0.0.0/8", "::/129", "fe80::1%eth0", "::ffff:0.0.0.0/64"} {
		_, err := ParseProxies([]string{"192.0.2.1", text})
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), `"`+text+`"`) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseProxiesRefusesEverybody(t *testing.T) {
	for named, list := range map[string][]string{
		"0.0.0.0/0": {"10.0.0.0/8", "0.0.0.0/0"}, "::/0": {"::/0"}, "::ffff:0.0.0.0/96": {"::ffff:0.0.0.0/96"},
		"0.0.0.0/1, 128.0.0.0/1":   {"0.0.0.0/1", "128.0.0.0/1"},
		"::/2, 4000::/2, 8000::/1": {"::/2", "4000::/2", "8000::/1"},
	} {
		_, err := ParseProxies(list)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), `"`+named+`" holds every address`) {
			t.Errorf("%q: %v", list, err)
		}
	}
	for _, list := range [][]string{
		nil,
		{"0.0.0.0/1"},
		{"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/4", "240.0.0.0/5"},
		{"::/1"},
		{"255.255.255.255", "::"},
		{"0.0.0.0/1", "8000::/1"},
	} {
		if _, err := ParseProxies(list); err != nil {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestKey(t *testing.T) {
	for remote, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.9:80": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8::1": "2001:db8::/64", "[2001:db8::ffff:1]:443": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
		"pipe": "unknown", "": "unknown", "@": "unknown", "host:80": "unknown",
		"[::ffff:192.0.2.1]:80": "192.0.2.1",
	} {
		if got := Key(remote); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}
