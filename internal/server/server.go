package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/console"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/freshness"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/heapgoal"
	"syncline.dev/syncline/internal/peer"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/restore/jobs"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/syncer"
)

// DataDir is an opened data directory:
//
//	syncline.db       the server's own state
//	ballast           room that is given up when the disk is full
//	secret.key        seals the repositories' passwords
//	catalogs/         a file per repository, unless --catalogs names another folder
//	tls/              the self-signed certificate
//	lock              held by the server that runs
//	initial-password  the administrator's, where no terminal showed it
//	setup             only while the directory is set up
type DataDir struct {
	path  string
	store *stores.Store
	box   *secret.Box
	Auth  *auth.Service
}

// makeDataDir makes a data directory unless it is there, and makes sure that it
// is this user's alone to write.
func makeDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot create the data directory %s; choose another one with --data", path)
	}
	if err := checkPrivate("data directory", path); err != nil {
		return err
	}
	return checkFiles(path)
}

// openDataDir opens or sets up a data directory.
func openDataDir(ctx context.Context, path string, logger *slog.Logger) (*DataDir, error) {
	if err := makeDataDir(path); err != nil {
		return nil, err
	}
	database := filepath.Join(path, "syncline.db")
	isNew, err := beginSetup(path, database)
	if err != nil {
		return nil, err
	}
	box, err := secret.OpenKeyFile(filepath.Join(path, "secret.key"), isNew)
	if err != nil {
		return nil, err
	}
	store, err := stores.OpenWith(ctx, database, diskspace.NewBallast(filepath.Join(path, "ballast")))
	if err != nil {
		return nil, err
	}
	if err := endSetup(path); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &DataDir{path: path, store: store, box: box, Auth: auth.New(store, auth.Options{Logger: logger})}, nil
}

// lock makes sure that one server uses the data directory.
func lock(path string) (*flock.Flock, error) {
	if err := makeDataDir(path); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(path, "lock"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "cannot write to the data directory %s; check its rights and the free space", path)
	}
	if !ok {
		return nil, syncline.Errorf(syncline.CodeConflict, "another server uses the data directory %s; stop it or choose another one with --data", path)
	}
	return l, nil
}

// Options are what a server is started with.
type Options struct {
	// Data is the data directory; Catalogs the folder for the catalogs, "" for
	// one in Data.
	Data     string
	Catalogs string

	// CatalogReserve is how many bytes catalogs leave free on their disk, below
	// zero for a share of it.
	CatalogReserve int64

	// KeepNumber and KeepAge bound the histories; 0 is for no bound.
	KeepNumber int
	KeepAge    time.Duration

	// Listen is HOST:PORT. CertFile and KeyFile are the certificate's; without
	// them there is a self-signed one.
	Listen            string
	CertFile, KeyFile string

	// FirstPassword chooses the administrator's when there is no user yet.
	FirstPassword func() (FirstPassword, error)
	Logger        *slog.Logger
	Version       string // of the program

	// CA is PEM: certificates to trust in object storage beside the system's.
	// DenyPrivate refuses object storage in private networks.
	CA          []byte
	DenyPrivate bool

	// RestoreRoots are the folders that restores may write into. Privileged has
	// them bring back what a repository's writers could misuse.
	RestoreRoots []syncline.RestoreTarget
	Privileged   bool
	// KeepFree is what restores leave free on a disk of a size; nil for nobody
	// looking.
	KeepFree func(total int64) int64

	Proxies peer.Proxies
	// Ready is called when the server answers; its error ends it.
	Ready func(*Server) error
}

// keep says how much ended work of a kind is kept: of sessions the newest of each
// repository, of others the newest of all.
func (o *Options) keep(kind syncline.WorkKind) func(now time.Time) store.Keep {
	return func(now time.Time) store.Keep {
		k := store.Keep{Kind: kind, Newest: o.KeepNumber, PerRepository: kind == syncline.WorkSynchronize}
		if o.KeepAge > 0 {
			k.Since = now.Add(-o.KeepAge)
		}
		return k
	}
}

// Server is a running server.
type Server struct {
	*DataDir
	source      *source
	service     *syncer.Service
	Address     string // host:port for people, after listening
	Fingerprint string // of a self-signed certificate, "" otherwise
}

// cores is how many threads run Go code at once, before a server takes one more.
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
	// One thread more than there are cores, and than a session has workers: while
	// these run on, requests are not left until one of them is interrupted, and
	// the system shares the cores out.
	runtime.GOMAXPROCS(cores + 1)
	l, err := lock(o.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Unlock()) }()
	data, err := openDataDir(ctx, o.Data, o.Logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.store.Close()) }()
	s := &Server{DataDir: data}
	if err := s.ensureAdministrator(ctx, o.FirstPassword); err != nil {
		return err
	}
	cert, err := s.certificate(o)
	if err != nil {
		return err
	}
	ln, err := api.Listen(ctx, o.Listen)
	if err != nil {
		return err
	}
	return errors.Join(s.serve(ctx, o, ln, cert), ignoreClosed(ln.Close()))
}

// ensureAdministrator makes the first user, and tells of it at once: what fails
// later in the start must not take the password along.
func (s *Server) ensureAdministrator(ctx context.Context, choose func() (FirstPassword, error)) error {
	var first FirstPassword
	created, err := s.Auth.EnsureAdministrator(ctx, func() (password string, err error) {
		first, err = choose()
		return first.Password, err
	})
	if syncline.CodeOf(err) == syncline.CodeInvalid && first.Origin != "" {
		err = syncline.WrapError(syncline.CodeInvalid, err, "%s: %s", first.Origin, syncline.MessageOf(err))
	}
	if err != nil || !created || first.Created == nil {
		return err
	}
	return first.Created()
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) certificate(o Options) (tls.Certificate, error) {
	if o.CertFile != "" || o.KeyFile != "" {
		return api.LoadCertificate(o.CertFile, o.KeyFile)
	}
	cert, fingerprint, _, err := api.LoadOrCreateCertificate(filepath.Join(s.path, "tls"), time.Now())
	s.Fingerprint = fingerprint
	return cert, err
}

// serve puts the parts together and answers until ctx ends.
func (s *Server) serve(ctx context.Context, o Options, ln net.Listener, cert tls.Certificate) (err error) {
	dir, release, err := s.openCatalogs(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	places := &place.Opener{Kinds: kinds.All(), Network: place.Network{CA: o.CA, DenyPrivate: o.DenyPrivate}}
	repositorySource := &source{store: s.store, sealer: sealer{s.box}, places: places}
	s.source = repositorySource
	current := &freshness.Keeper{Dir: dir, Store: s.store, Logger: o.Logger}
	outdated, err := current.Verify(ctx)
	if err != nil {
		return err
	}
	node, err := s.store.InstallationID(ctx)
	if err != nil {
		return err
	}
	runs := &run.Service{Store: s.store, Node: string(node), Logger: o.Logger, Now: time.Now, NewID: newID}
	s.service = &syncer.Service{
		Runs: runs, Repositories: s.store, Catalogs: dir, Source: repositorySource,
		Logger: o.Logger, Settle: heapgoal.Settle, Keep: o.keep(syncline.WorkSynchronize),
	}
	pages, err := console.New()
	if err != nil {
		return err
	}
	points := &explore.RestorePoints{Catalogs: current, Repositories: current}
	explorer := &explore.Explorer{Points: points}
	contents := &content.Service{Catalogs: current, Open: repositorySource.reader(s.store, o.Logger)}
	restores := &jobs.Service{
		Runs: runs, Repositories: s.store, Points: points, Contents: contents,
		Allowed: o.RestoreRoots, Privileged: o.Privileged, KeepFree: o.KeepFree, Keep: o.keep(syncline.WorkRestore),
	}
	running, err := newNodes(ctx, s.store, ln.Addr(), o.Version)
	if err != nil {
		return err
	}
	limits := gate.New(gate.Default, o.Proxies)
	handler, err := api.NewHandler(api.Config{
		Auth: s.Auth, Repositories: current, Store: s.store, Keys: s.store, Sessions: s.service, Instance: s.store,
		Accounts: accounts{s.store, places}, ObjectStorages: s.store, Places: places, Nodes: running,
		Sealer: sealer{s.box}, Synchronizer: synchronizer{s.service, runs, places},
		RestorePoints: points, Explorer: explorer, Histories: explorer, Searcher: explore.NewSearcher(current), Statistics: &explore.Statistics{Points: points},
		Contents: contents, Archives: &archive.Service{Contents: contents},
		RestoreJobs: restores, Restorer: restores,
		Console: pages, Gate: limits,
		Logger: o.Logger, Version: o.Version, StrictTransport: s.Fingerprint == "",
	})
	if err != nil {
		return err
	}
	if err := runs.Open(ctx, s.service.Kind(), restores.Kind()); err != nil {
		return err
	}
	defer runs.Close()
	for _, id := range outdated {
		if _, err := s.service.Start(ctx, id); err != nil {
			o.Logger.Error("cannot start the session that builds a catalog anew", "repository", id, "error", err)
		}
	}
	s.Address = displayAddress(ln.Addr(), o.Listen)
	if err := o.Ready(s); err != nil {
		return err
	}
	return (&api.Server{Handler: handler, Certificate: cert, Gate: limits, Logger: o.Logger}).Serve(ctx, ln)
}

// displayAddress is the address that a person on this machine can open.
func displayAddress(addr net.Addr, listen string) string {
	host, _, err := net.SplitHostPort(listen)
	_, port, _ := net.SplitHostPort(addr.String())
	if err != nil || host == "" || net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }

// synchronizer adds to the sessions the check of a repository, and the end of all its
// work.
type synchronizer struct {
	*syncer.Service
	runs   *run.Service
	places *place.Opener
}

func (s synchronizer) Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
	return s.runs.Forget(ctx, repository, remove)
}

func (s synchronizer) Check(ctx context.Context, at place.Place, password string) error {
	return s.places.Check(ctx, at, password)
}

// DefaultDataDir is syncline in the XDG data directory.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "syncline"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "there is no home directory to keep data in; name one with --data")
	}
	return filepath.Join(home, ".local", "share", "syncline"), nil
}
