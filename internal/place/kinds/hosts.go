package kinds

import (
	"cmp"
	"net"
	"strings"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/azure"
)

// hostsOfS3 counts the token service of a role. All regions of one of Amazon's worlds are
// one host.
func hostsOfS3(p place.Place) []string {
	hosts := []string{place.Origin(cmp.Or(p.Storage.Endpoint, amazonEndpoint(p.Storage.Cloud, "")))}
	if service := p.Access.Account.Settings[tokenService]; service != "" {
		hosts = append(hosts, place.Origin(service))
	}
	return hosts
}

// hostsOfAzure counts the name of the account, which is a part of Azure's names.
func hostsOfAzure(p place.Place) []string {
	name := strings.ToLower(p.Access.Account.UserName) + ".blob." + cmp.Or(azureSuffixes[p.Storage.Cloud], azure.DefaultSuffix)
	return []string{place.Origin(cmp.Or(p.Storage.Endpoint, name))}
}

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
