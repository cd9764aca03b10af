// Package peer says which address a request comes from, behind reverse proxies
// too, and what counts as one address. It knows nothing of what is done with
// the answer.
package peer

import (
	"net/netip"
	"strings"

	"syncline.dev/syncline"
)

// maxHops is how many addresses of a forwarded list are looked at, from the
// nearest on.
const maxHops = 32

// Proxies are the addresses whose word on where a request comes from counts.
// The zero value trusts none.
type Proxies struct{ prefixes []netip.Prefix }

// ParseProxies reads networks in CIDR notation, or single addresses. An error
// is CodeInvalid and names the value.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, text := range list {
		prefix, err := parsePrefix(text)
		if err != nil {
			return Proxies{}, err
		}
		p.prefixes = append(p.prefixes, prefix)
	}
	return p, nil
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

// Client returns the address a request comes from. That is remote, the other
// end of the connection, unless it is a proxy's: then it is the nearest address
// in the X-Forwarded-For headers that is no proxy's. A proxy writes who spoke
// to it at the end, so all that stands before that address is hearsay. What is
// no address ends the list: the last proxy that was understood is the answer.
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

// Parse reads an address with or without a port, an IPv6 one with or without
// brackets. An IPv4 address in the form of an IPv6 one is the IPv4 address.
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

// Key returns what counts as one address: an IPv4 address, or the /64 of an
// IPv6 one, since a single subscriber has that many. What is no address shares
// one key.
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
