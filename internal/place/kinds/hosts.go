package kinds

import (
	"cmp"
	"net"
	"strings"

	"syncline.dev/syncline/internal/place"
)

// hostsOfSFTP counts the jump hosts: they are shown the user's secrets, or decide what the
// user's secrets reach.
func hostsOfSFTP(p place.Place) []string {
	host, port := hostAndPort(p.Storage.Endpoint)
	hosts := []string{net.JoinHostPort(strings.ToLower(host), cmp.Or(port, sshPort))}
	jumps, err := parseJumpHosts(p.Storage.Settings[jumpHosts])
	if err != nil { // and so nothing opens it
		return hosts
	}
	for _, j := range jumps {
		hosts = append(hosts, net.JoinHostPort(strings.ToLower(j.host), j.port))
	}
	return hosts
}
