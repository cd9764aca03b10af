package place

import (
	"slices"
	"strings"
)

// NewHost returns a host that the secrets of an account go to at a place, and at none of the
// other places; "" for none. A secret that goes to a host without encryption may go there
// with it, too.
func (k Kinds) NewHost(at Place, others []Place) string {
	var known []string
	for _, p := range others {
		known = append(known, k.hosts(p)...)
	}
	for _, host := range k.hosts(at) {
		name, encrypted := strings.CutPrefix(host, "https://")
		if slices.Contains(known, host) || encrypted && slices.Contains(known, "http://"+name) {
			continue
		}
		return host
	}
	return ""
}

func (k Kinds) hosts(p Place) []string {
	kind, err := k.of(p)
	switch {
	case err != nil: // of a later version
		return nil
	case kind.Hosts != nil:
		return kind.Hosts(p)
	}
	return []string{Origin(p.Storage.Endpoint)}
}

// Signs is Kind.Hosts of a kind whose secrets sign requests, or go to the vendor's own hosts
// alone: no host that a place names is shown one.
func Signs(Place) []string { return nil }

// unreadable is the Origin of what is no address. No kind opens it.
const unreadable = "an address that cannot be read"

// Origin is the scheme and the host of an endpoint, "" for none. An endpoint without a
// scheme is reached by https. Origin repeats nothing of an endpoint that could be a secret.
func Origin(endpoint string) string {
	u, err := parseEndpoint(endpoint)
	switch {
	case err != nil:
		return unreadable
	case u == nil:
		return ""
	}
	host := HostOf(endpoint)
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}
