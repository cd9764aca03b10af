package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/console"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/freshness"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/heapgoal"
	"syncline.dev/syncline/internal/metrics"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/restore/jobs"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/storage/rclone"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/internal/traces"
	"syncline.dev/syncline/internal/watch/alarm"
	"syncline.dev/syncline/internal/watch/folders"
	"syncline.dev/syncline/internal/watch/notify"
)

// Server is a running server.
type Server struct {
	*DataDir
	source      *source
	service     *syncer.Service
	traces      *traces.Traces
	desk        *alarm.Desk
	folders     *folders.Watcher
	remotes     place.Remotes // of rclone
	Address     string        // host:port for people, after listening
	BasePath    string        // under which a reverse proxy has the server, "" for none
	Fingerprint string        // of a self-signed certificate, "" otherwise
	Metrics     string        // host:port of monitoring's own address, "" without one
}

// cores is the number of threads that run Go code in a process without a server.
var cores = runtime.GOMAXPROCS(0)

// Run runs a server until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	keepPrivate()
	defer func() {
		// It ends on request during the start as well as later.
		if ctx.Err() != nil && syncline.CodeOf(err) == syncline.CodeCanceled {
			err = nil
		}
	}()
	// The server has one thread more than there are cores, and so more than a session
	// of a local repository has workers. A request then does not wait for the
	// interruption of a worker, and the system shares the cores.
	runtime.GOMAXPROCS(cores + 1)
	if o.resolved, err = o.resolve(); err != nil {
		return err
	}
	o.setLevel()
	l, err := lock(o.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Unlock()) }()
	data, err := openData(ctx, &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.store.Close()) }()
	s := &Server{DataDir: data}
	if s.traces, err = traces.Start(ctx, o.TracesEndpoint, o.Version, o.Logger); err != nil {
		return err
	}
	defer s.traces.Close(ctx)
	if err := s.ensureAdministrator(ctx, func() (FirstPassword, error) { return o.FirstPassword(o.Data) }); err != nil {
		return err
	}
	cert, err := s.certificate(&o.Settings)
	if err != nil {
		return err
	}
	ln, err := listen(ctx, "--listen", o.Listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreClosed(ln.Close())) }()
	watched, err := o.listenForMetrics(ctx)
	if err != nil {
		return err
	}
	if watched != nil {
		s.Metrics = displayAddress(watched.Addr(), o.MetricsListen)
		defer func() { err = errors.Join(err, ignoreClosed(watched.Close())) }()
	}
	remotes := rclone.NewAllowed(o.RcloneRemotes, o.Logger)
	defer remotes.Close()
	s.remotes = remotes
	return s.serve(ctx, o, ln, watched, api.NewCertificates(cert))
}

// openData opens the data directory with the database that the settings name.
func openData(ctx context.Context, o *Options) (*DataDir, error) {
	if o.database.IsEmpty() {
		return openDataDir(ctx, o.Data, keyIn(o.SecretKeyFile), o.Logger)
	}
	return openNode(ctx, o)
}

// ensureAdministrator makes the first user and shows its password at once, so that
// a failure later in the start does not lose the password.
func (s *Server) ensureAdministrator(ctx context.Context, choose func() (FirstPassword, error)) error {
	var first FirstPassword
	created, err := s.Auth.EnsureAdministrator(ctx, func() (password string, err error) {
		first, err = choose()
		return first.Password, err
	})
	if syncline.CodeOf(err) == syncline.CodeInvalid && first.Origin != "" {
		err = syncline.WrapError(syncline.CodeInvalid, err, "%s: %s", first.Origin, syncline.MessageOf(err))
	}
	switch {
	case err == nil && created && first.Created != nil:
		return first.Created()
	case err == nil && !created && first.Discarded != nil: // another node was faster
		return first.Discarded()
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) certificate(o *Settings) (tls.Certificate, error) {
	if o.CertFile != "" || o.KeyFile != "" {
		return api.LoadCertificate(o.CertFile, o.KeyFile)
	}
	cert, fingerprint, _, err := api.LoadOrCreateCertificate(filepath.Join(s.path, "tls"), time.Now())
	s.Fingerprint = fingerprint
	return cert, err
}

// serve puts the parts together and answers until ctx ends.
func (s *Server) serve(ctx context.Context, o Options, ln, watched net.Listener, certs *api.Certificates) (err error) {
	dir, err := s.openCatalogs(ctx, &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.release()) }()
	places := s.newSource(&o)
	current := &freshness.Keeper{Dir: dir, Store: s.store, Logger: o.Logger}
	outdated, err := current.Verify(ctx)
	if err != nil {
		return err
	}
	nodes, err := s.newFleet(ctx, &o, ln.Addr())
	if err != nil {
		return err
	}
	s.source.here = nodes.HasFolder
	shared := s.newSharing(nodes, o.Logger)
	points := &explore.RestorePoints{Catalogs: current, Repositories: current}
	told := s.newMetrics(current, points, nodes, &o)
	watch := s.newMonitor(told, o.Logger)
	s.source.opened = watch.Opened
	s.desk = s.newDesk()
	backups, looks := s.newSeries(current, points, told, o), s.newLooks(&o)
	runs := s.newRuns(nodes, shared, &o)
	told.Leases = leases(runs, nodes)
	s.service = &syncer.Service{
		Runs: runs, Repositories: s.store, Catalogs: dir, Source: s.source, Logger: o.Logger, Settle: heapgoal.Settle,
		Ended: each(watch.SessionEnded, backups.SessionEnded, looks.SessionEnded), Keep: o.keep(syncline.WorkSynchronize), AtOnce: o.sessionsAtOnce(),
	}
	notifier := s.newNotifier(backups, o)
	checks := s.newSchedule(dir, o, told, backups, notifier, looks)
	s.watch(shared, checks, backups, notifier)
	pages, err := console.New(o.base)
	if err != nil {
		return err
	}
	explorer, statistics := &explore.Explorer{Points: points}, &explore.Statistics{Points: points}
	kept := s.newRemembered(o.Logger, places, points, statistics, current, s.source, told)
	contents := &content.Service{Catalogs: current, Open: s.source.reader(s.store, o.Logger)}
	restores := s.newRestores(runs, points, contents, &o)
	entry := s.newDoor(ln.Addr(), o.base, o.Logger)
	live := s.newLive(&o, certs, entry, notifier.Network, checks)
	limits := betweenRequests(live.gate(gate.Default), backups, points)
	handler, err := api.NewHandler(api.Config{
		Auth: entry, Users: s.Auth, Managers: s.store, Repositories: current, Store: s.store, Keys: s.store, Sessions: s.service, Instance: s.store,
		Accounts: accounts{s.store, places}, ObjectStorages: s.store, Kinds: places.Kinds, Places: places, Nodes: nodes,
		Sealer: sealer{s.box}, Synchronizer: synchronizer{s.service, runs, places, s.leaving(notifier), func(id syncline.ID) { watch.Forget(id); kept.forgetRepository(id) }},
		RestorePoints: points, Explorer: explorer, Histories: explorer, Searcher: explore.NewSearcher(current), Statistics: statistics,
		Contents: contents, Archives: &archive.Service{Contents: contents},
		RestoreJobs: restores, Restorer: restores, Alarms: s.store, Channels: s.store, DeliveryLog: s.store, Notifier: notifier, Checks: rechecks{checks, looks}, Immutability: looked{s.store, looks}, Machines: backups, AlarmRules: s.store, Sightings: backups,
		BasePath: o.base, Attaching: shared.attaching(), Console: pages, Gate: limits, Monitor: watch, MetricsToken: live.metricsToken, Tracer: s.tracer(),
		Logger: o.Logger, Version: o.Version, StrictTransport: s.Fingerprint == "",
	})
	if err != nil {
		return err
	}
	ctx, leave, err := s.join(ctx, nodes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	defer shared.begin(ctx)()
	defer background(ctx, func(ctx context.Context) { s.desk.Run(ctx, o.Logger) }, notifier.Run)()
	if err := runs.Open(ctx, s.traces.Work(s.service.Kind()), s.traces.Work(restores.Kind())); err != nil {
		return err
	}
	defer runs.Close()
	defer background(ctx, backups.Run)()
	s.rebuild(ctx, outdated, o.Logger)
	defer background(ctx, s.folders.Run, checks.Run, kept.Run, looks.Run, func(ctx context.Context) { explorer.Warm(ctx, o.Logger, limits.Quiet) })()
	s.Address, s.BasePath = displayAddress(ln.Addr(), o.Listen), o.base
	entry.open(certs)
	defer entry.close()
	if err := o.Ready(s); err != nil {
		return err
	}
	main := &api.Server{Handler: handler, Certificates: certs, Gate: limits, Logger: o.Logger}
	return answer(ctx, main, ln, watch, watched, live)
}

// leaving ends the alarms of a repository, and tells of their ends, before remove takes them
// with it.
func (s *Server) leaving(n *notify.Service) func(context.Context, syncline.ID, func(context.Context) error) error {
	return func(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
		back, err := s.desk.EndAll(ctx, repository)
		if err != nil {
			return err
		}
		defer back()
		if err := n.Farewell(ctx, repository); err != nil {
			return err
		}
		return remove(ctx)
	}
}

// newMetrics returns what monitoring reads of the installation and of this node.
func (s *Server) newMetrics(current *freshness.Keeper, points *explore.RestorePoints, nodes *fleet.Service, o *Options) *metrics.Metrics {
	told := metrics.New(current, points, o.Version)
	told.Nodes, told.Alarms, told.Database = nodes, s.store, s.database.use()
	return told
}

// newRuns returns the service that runs the work of this node.
func (s *Server) newRuns(nodes *fleet.Service, shared *sharing, o *Options) *run.Service {
	runs := &run.Service{Store: s.store, Node: string(nodes.SelfID()), Logger: o.Logger, Now: time.Now, NewID: newID}
	shared.runs(runs)
	nodes.Load, nodes.Drain = workLoad(runs), runs.Drain
	return runs
}

// rebuild starts the sessions that build outdated catalogs anew.
func (s *Server) rebuild(ctx context.Context, outdated []syncline.ID, logger *slog.Logger) {
	for _, id := range outdated {
		if _, err := s.service.Start(ctx, id); err != nil {
			logger.Error("cannot start the session that builds a catalog anew", "repository", id, "error", err)
		}
	}
}

// tracer returns what follows requests, nil for nothing.
func (s *Server) tracer() api.Tracer {
	if s.traces == nil {
		return nil
	}
	return s.traces
}

// newRestores returns the service of restores on this machine.
func (s *Server) newRestores(runs *run.Service, points *explore.RestorePoints, contents *content.Service, o *Options) *jobs.Service {
	return &jobs.Service{
		Runs: runs, Repositories: s.store, Points: points, Contents: contents, HasFolder: s.source.here,
		Allowed: o.roots, Privileged: o.Privileged, KeepFree: o.keepFree, Keep: o.keep(syncline.WorkRestore),
	}
}

// newSource returns what opens the places of the server's repositories, and makes the
// source that uses it.
func (s *Server) newSource(o *Options) *place.Opener {
	known := o.kinds
	if known == nil {
		known = kinds.All()
	}
	places := &place.Opener{
		Kinds: known, Network: place.Network{CA: o.authorities, DenyPrivate: o.DenyPrivate, OwnIdentities: o.OwnIdentities, Remotes: s.remotes},
		LocalStreams: cores, Watch: s.traces.Storage,
	}
	s.source = &source{store: s.store, sealer: sealer{s.box}, places: places}
	return places
}

// displayAddress returns an address that works in a browser on this machine.
func displayAddress(addr net.Addr, listen string) string {
	host, _, err := net.SplitHostPort(listen)
	_, port, _ := net.SplitHostPort(addr.String())
	if err != nil || host == "" || net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }

// synchronizer is the service of sessions with three more methods. Check opens a
// repository once, Forget ends all its work, and Hold stops its session for a change.
type synchronizer struct {
	*syncer.Service
	runs   *run.Service
	places *place.Opener
	// leaving removes a repository, and forgotten is called afterwards.
	leaving   func(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error
	forgotten func(repository syncline.ID)
}

func (s synchronizer) Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
	err := s.runs.Forget(ctx, repository, func(ctx context.Context) error {
		return s.leaving(ctx, repository, remove)
	})
	if err != nil {
		return err
	}
	s.forgotten(repository)
	return nil
}

func (s synchronizer) Hold(ctx context.Context, repository syncline.ID, change func(context.Context) error) (bool, error) {
	return s.runs.Hold(ctx, syncline.WorkSynchronize, repository, change)
}

func (s synchronizer) Check(ctx context.Context, at place.Place, password string) (string, error) {
	return s.places.Check(ctx, at, password)
}
