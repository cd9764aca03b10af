// Package objects is the common part of the back ends over HTTP: a transport
// that refuses addresses no repository can have, the record of one call's
// events on the wire, errors of the network in words, and bodies whose length
// is checked. It knows no vendor.
package objects

import (
	"net/netip"
	"syscall"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/netguard"
)

// CheckAddress refuses, with CodeInvalid, an address that no storage may have:
// link-local, metadata and multicast always, and with denyPrivate also loopback
// and private ones. It also checks the IPv4 addresses in an IPv6 one.
func CheckAddress(ip netip.Addr, denyPrivate bool) error {
	if what := netguard.Fault(ip, denyPrivate); what != "" {
		return syncline.Errorf(syncline.CodeInvalid, "the storage's endpoint leads to %s, %s, which this server does not connect to; give another endpoint",
			ip.Unmap().WithZone(""), what)
	}
	return nil
}

// control checks every connection, after names are resolved and before anything
// is sent. So neither a redirect nor a changing name avoids the check.
func control(denyPrivate bool) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "the storage's endpoint leads to no network address")
		}
		return CheckAddress(target.Addr(), denyPrivate)
	}
}
