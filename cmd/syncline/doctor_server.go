package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/doctor"
)

// lookTime bounds the look at a server's readiness and certificate.
const lookTime = 15 * time.Second

// serverFindings asks a running server how it is.
func (e *environment) serverFindings(ctx context.Context) (all []doctor.Finding, err error) {
	err = e.connected(ctx, func(c *client.Client) error {
		instance, err := c.Instance(ctx)
		if err != nil {
			return err
		}
		all = append(all, doctor.Good("server", c.Address(), "Syncline %s, installation %s", printable(instance.Version), instance.InstallationID))
		for _, w := range instance.Warnings {
			all = append(all, doctor.Bad(doctor.Warning, "server", c.Address(), w, ""))
		}
		all = append(all, lookAtServer(ctx, c.Address())...)
		nodes, err := c.Proxies(ctx)
		if err != nil {
			return err
		}
		for i := range nodes {
			if !strings.EqualFold(nodes[i].Status, "Online") {
				all = append(all, doctor.Bad(doctor.Failed, "node", nodes[i].HostName, "the node is not online", "start its server, and look at its log"))
			}
		}
		list, err := c.Repositories(ctx)
		if err != nil {
			return err
		}
		for i := range list {
			if list[i].IsOutOfSync {
				all = append(all, doctor.Bad(doctor.Warning, "repository", list[i].Name, "it is out of sync", "synchronize it, or see in the log of its last session why that failed"))
			} else {
				all = append(all, doctor.Good("repository", list[i].Name, "in sync"))
			}
		}
		channels, err := channelFindings(ctx, c)
		all = append(all, channels...)
		return err
	})
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, "server", e.server, err)}, ctx.Err()
	}
	return all, nil
}

// channelFindings are those about the channels of notifications, which only administrators
// see.
func channelFindings(ctx context.Context, c *client.Client) (all []doctor.Finding, err error) {
	list, err := c.Channels(ctx)
	if client.StatusOf(err) == http.StatusForbidden {
		return nil, nil
	}
	for i := range list {
		if list[i].Enabled && list[i].Kind != syncline.ChannelHeartbeat {
			all = append(all, doctor.Channel(list[i].Name, list[i].Mute()))
		}
	}
	return all, err
}

// lookAtServer reads readiness, certificate and clock. The client has checked the
// certificate before, and nothing secret is sent here.
func lookAtServer(ctx context.Context, address string) []doctor.Finding {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", nil)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, "ready", address, err)}
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, "ready", address,
			syncline.WrapError(syncline.CodeUnavailable, err, "the server does not answer at /readyz; check what lies between"))}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	now := time.Now()
	first, _, _ := strings.Cut(string(body), "\n")
	all := []doctor.Finding{doctor.Good("ready", address, "it can answer")}
	switch {
	case err != nil:
		all[0] = doctor.Bad(doctor.Unknown, "ready", address, "the answer of /readyz broke off", "try again")
	case res.StatusCode != http.StatusOK:
		all[0] = doctor.Bad(doctor.Failed, "ready", address, printable(first), "look at the log of the server")
	}
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		all = append(all, doctor.Certificate(address, res.TLS.PeerCertificates[0].NotAfter, now, "renew it on the server or on the proxy before it"))
	}
	return append(all, serverClock(address, res.Header.Get("Date"), now))
}

func serverClock(address, date string, now time.Time) doctor.Finding {
	told, err := http.ParseTime(date)
	if err != nil {
		return doctor.Bad(doctor.Unknown, "clock", address, "the server does not tell the time", "")
	}
	difference, far := doctor.Clock(told, now)
	if far {
		return doctor.Bad(doctor.Warning, "clock", address, "the server's clock differs from this machine's by "+difference.String(), "set both, for example with NTP")
	}
	return doctor.Good("clock", address, "agrees with this machine's")
}
