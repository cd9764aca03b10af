// Package peer finds the address that a request comes from, also behind reverse
// proxies, and groups the addresses of one subscriber. It knows nothing of the
// limits that count by them.
package peer

import (
	"net/netip"
	"strings"

	"syncline.dev/syncline"
)

// maxHops bounds the addresses that are read of a forwarded list, from its end.
const maxHops = 32

// Proxies are the networks of trusted reverse proxies. The zero value has none.
type Proxies struct{ prefixes []netip.Prefix }

// ParseProxies reads networks in CIDR notation, or single addresses. Networks that
// together hold every address are refused. An error is CodeInvalid and names the
// value.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, text := range list {
		prefix, err := parsePrefix(text)
		if err != nil {
			return Proxies{}, err
		}
		if prefix.Bits() == 0 {
			return Proxies{}, tooWide(text)
		}
		p.prefixes = append(p.prefixes, prefix)
	}
	for _, all := range everywhere {
		if p.covers(all) {
			return Proxies{}, tooWide(strings.Join(list, ", "))
		}
	}
	return p, nil
}

func tooWide(networks string) error {
	return syncline.Errorf(syncline.CodeInvalid,
		"%q holds every address, so any client could say where it comes from; name the proxies only", networks)
}

// everywhere is all IPv4 addresses, and all IPv6 addresses.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// covers reports whether the networks together hold every address of one. Each
// step down follows a network that lies within, so it ends with the longest.
func (p Proxies) covers(network netip.Prefix) bool {
	within := false
	for _, prefix := range p.prefixes {
		switch {
		case prefix.Bits() <= network.Bits() && prefix.Contains(network.Addr()):
			return true
		case network.Overlaps(prefix):
			within = true
		}
	}
	if !within {
		return false
	}
	lower, upper := halves(network)
	return p.covers(lower) && p.covers(upper)
}

func halves(network netip.Prefix) (lower, upper netip.Prefix) {
	bits := network.Bits()
	raw := network.Addr().AsSlice()
	raw[bits/8] |= 0x80 >> (bits % 8)
	second, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(network.Addr(), bits+1), netip.PrefixFrom(second, bits+1)
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, syncline.WrapError(syncline.CodeInvalid, err,
			"%q is no network; write an address and a length, such as 10.0.0.0/8 or 2001:db8::/32", text)
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		if prefix.Bits() < 96 {
			return prefix, syncline.Errorf(syncline.CodeInvalid, "%q holds more than IPv4 addresses; write it as IPv6 or as IPv4", text)
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if masked := prefix.Masked(); masked != prefix {
		return prefix, syncline.Errorf(syncline.CodeInvalid, "%q has bits behind its length; write %s for the network or leave the length out for the address", text, masked)
	}
	return prefix, nil
}

// Has reports whether the address, with or without a port, is a proxy's.
func (p Proxies) Has(remote string) bool {
	addr, ok := Parse(remote)
	return ok && p.has(addr)
}

func (p Proxies) has(addr netip.Addr) bool {
	for _, prefix := range p.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Client returns the address that a request comes from. This is remote, the other
// end of the connection, or for a proxy's connection the last address in the
// X-Forwarded-For headers that is no proxy's. Each proxy adds the address of its
// own client at the end, so a client may have made up everything before that. A
// text that is no address ends the list, and the proxy that sent it is the answer.
func (p Proxies) Client(remote string, forwarded []string) string {
	addr, ok := Parse(remote)
	if !ok {
		return remote
	}
	hops := 0
	for i := len(forwarded) - 1; i >= 0; i-- {
		rest := forwarded[i]
		for rest != "" && hops < maxHops && p.has(addr) {
			hops++
			at := strings.LastIndexByte(rest, ',')
			next, ok := Parse(strings.TrimSpace(rest[at+1:]))
			if !ok {
				return addr.String()
			}
			addr, rest = next, rest[:max(at, 0)]
		}
	}
	return addr.String()
}

// Parse reads an address with or without a port, and an IPv6 address with or
// without brackets. It turns an IPv4 address in the form of an IPv6 address into
// the IPv4 address. ok is false for any other text.
func Parse(text string) (addr netip.Addr, ok bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		port, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = port.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

// Key returns the text by which addresses are counted: an IPv4 address, or the
// /64 of an IPv6 address, because one subscriber has that many. All texts that are
// no address share one key.
func Key(remote string) string {
	addr, ok := Parse(remote)
	switch {
	case !ok:
		return "unknown"
	case addr.Is4():
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
