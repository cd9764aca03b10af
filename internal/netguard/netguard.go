// Package netguard says which network addresses the server does not connect to on
// behalf of its users. It knows neither names nor protocols.
package netguard

import "net/netip"

// metadata are the addresses of clouds' metadata services, besides the
// link-local ones.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("fd20:ce::254"),    // Google
}

var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
	thisHost    = netip.MustParsePrefix("0.0.0.0/8")
	siteLocal   = netip.MustParsePrefix("fec0::/10")
)

// The IPv6 forms of an IPv4 address. The network or the system may connect to
// the IPv4 address.
var (
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291, deprecated
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
)

// Fault says what is wrong with an address, or "". Wrong are link-local, metadata and
// multicast addresses always, and with denyPrivate also loopback and private ones. The
// IPv4 addresses in an IPv6 one are checked, too.
func Fault(ip netip.Addr, denyPrivate bool) string {
	ip = ip.Unmap().WithZone("")
	for _, a := range append(embedded(ip), ip) {
		if what := judge(a, denyPrivate); what != "" {
			return what
		}
	}
	return ""
}

// judge returns the fault of an address, or "".
func judge(ip netip.Addr, denyPrivate bool) string {
	for _, m := range metadata {
		if ip == m {
			return "a cloud's metadata address"
		}
	}
	switch {
	case !ip.IsValid():
		return "no address"
	case ip.IsLinkLocalUnicast():
		return "a link-local address, where clouds serve metadata"
	case ip.IsMulticast():
		return "a multicast address"
	case !denyPrivate:
		return ""
	case ip.IsLoopback(), ip.IsUnspecified(), thisHost.Contains(ip):
		return "an address of this very machine"
	case ip.IsPrivate(), sharedSpace.Contains(ip), siteLocal.Contains(ip), localNAT64.Contains(ip):
		return "a private address"
	}
	return ""
}

// embedded returns the IPv4 addresses in an IPv6 one.
func embedded(ip netip.Addr) []netip.Addr {
	if !ip.Is6() || ip.IsLoopback() || ip.IsUnspecified() {
		return nil
	}
	b := ip.As16()
	last := netip.AddrFrom4([4]byte(b[12:16]))
	switch {
	case compatible.Contains(ip), translated.Contains(ip), nat64.Contains(ip):
		return []netip.Addr{last}
	case localNAT64.Contains(ip): // after a prefix of 96 or of 48 bits
		return []netip.Addr{last, netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]})}
	case sixToFour.Contains(ip):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case teredo.Contains(ip): // the server, and the client with inverted bits
		return []netip.Addr{
			netip.AddrFrom4([4]byte(b[4:8])),
			netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}),
		}
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP, RFC 5214
		return []netip.Addr{last}
	}
	return nil
}
