package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
)

// live changes a server while it runs. For each signal of Hangup it reads the settings
// and the files that they name, and applies all of them or, after a mistake, none.
type live struct {
	server  *Server
	options *Options // the settings that the server runs with
	certs   *api.Certificates
	places  *place.Opener
	entry   *door
	network *notify.Network
	checks  *schedule.Service
	logger  *slog.Logger

	mu    sync.Mutex // guards all below
	gates []*gate.Gate
	token secret.String
}

func (s *Server) newLive(o *Options, certs *api.Certificates, entry *door, network *notify.Network, checks *schedule.Service) *live {
	return &live{
		server: s, options: o, certs: certs, places: s.source.places, entry: entry, network: network, checks: checks,
		logger: o.Logger, token: o.metricsToken,
	}
}

// gate returns a new gate that trusts the proxies of the settings.
func (l *live) gate(limits gate.Limits) *gate.Gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := gate.New(limits, l.options.proxies)
	l.gates = append(l.gates, g)
	return g
}

// metricsToken returns the token that opens the metrics.
func (l *live) metricsToken() secret.String {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.token
}

// run waits for signals until ctx ends.
func (l *live) run(ctx context.Context) error {
	for {
		select {
		case <-l.options.Hangup:
			if err := l.reload(); err != nil {
				l.logger.Error("nothing is reloaded, and everything stays as it was", "error", syncline.MessageOf(err))
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// reload reads everything first, and then applies it.
func (l *live) reload() error {
	next, err := l.options.Reload()
	if err != nil {
		return err
	}
	if next.Data, err = next.dataDir(); err != nil {
		return err
	}
	change, err := next.change()
	if err != nil {
		return err
	}
	cert, err := l.certificate(&next)
	if err != nil {
		return err
	}
	interval := l.options.SyncInterval
	changed, restart := l.options.Table().TakeLive(next.Table())
	if l.options.SyncInterval != interval {
		l.checks.SetInterval(l.options.SyncInterval)
	}
	l.options.changeable = change
	l.options.setLevel()
	l.places.SetCertificates(change.authorities)
	l.network.SetCertificates(change.authorities)
	l.mu.Lock()
	for _, g := range l.gates {
		g.SetProxies(change.proxies)
	}
	l.token = change.metricsToken
	l.mu.Unlock()
	if api.Fingerprint(cert) != api.Fingerprint(l.certs.Current()) {
		l.logger.Info("the certificate is replaced", "fingerprint", api.Fingerprint(cert), "expires", cert.Leaf.NotAfter.UTC())
	}
	l.certs.Replace(cert)
	l.entry.open(l.certs)
	l.logger.Info("the configuration is reloaded", "changed", changed)
	if len(restart) != 0 {
		l.logger.Warn("changed settings need a restart of the server", "settings", restart)
	}
	return nil
}

// certificate reads the certificate. Browsers are told at the start whether there is an
// own one, so that does not change here.
func (l *live) certificate(next *Settings) (tls.Certificate, error) {
	if (next.CertFile == "") != (l.options.CertFile == "") {
		return tls.Certificate{}, invalid("the change between a self-signed certificate and one of your own needs a restart of the server")
	}
	return l.server.certificate(next)
}
