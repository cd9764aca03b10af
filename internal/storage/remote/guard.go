// Package remote is what the back ends over HTTP share: a transport that
// refuses addresses no repository can lie at, the record of what happened on
// the wire for one call, errors of the network in words, and bodies whose
// length is checked. It knows no vendor.
package remote

import (
	"net/netip"
	"syscall"

	"syncline.dev/syncline"
)

// metadata are the addresses, beside the link-local ones, at which clouds
// serve their machines' metadata and credentials.
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
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour   = netip.MustParsePrefix("2002::/16")
)

// CheckAddress refuses, with CodeInvalid, an address that no storage may have:
// link-local, metadata and multicast always, and with denyPrivate also loopback
// and private ones.
func CheckAddress(ip netip.Addr, denyPrivate bool) error {
	ip = plain(ip)
	for _, m := range metadata {
		if ip == m {
			return refused(ip, "a cloud's metadata address")
		}
	}
	switch {
	case !ip.IsValid():
		return refused(ip, "no address")
	case ip.IsLinkLocalUnicast():
		return refused(ip, "a link-local address, where clouds serve metadata")
	case ip.IsMulticast():
		return refused(ip, "a multicast address")
	case !denyPrivate:
		return nil
	case ip.IsLoopback(), ip.IsUnspecified(), thisHost.Contains(ip):
		return refused(ip, "an address of this very machine")
	case ip.IsPrivate(), sharedSpace.Contains(ip), siteLocal.Contains(ip):
		return refused(ip, "a private address")
	}
	return nil
}

// plain takes an IPv4 address out of the IPv6 forms that carry one.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

func refused(ip netip.Addr, what string) error {
	return syncline.Errorf(syncline.CodeInvalid, "the storage's endpoint leads to %s, %s, which this server does not connect to; give another endpoint", ip, what)
}

// control is called for every connection, after names were resolved and before
// anything is sent: neither a redirect nor a name that changes its address gets
// past it.
func control(denyPrivate bool) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "the storage's endpoint leads to no network address")
		}
		return CheckAddress(target.Addr(), denyPrivate)
	}
}
