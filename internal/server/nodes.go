package server

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/fleet"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// nodeFile holds the id of the node in its data directory.
const nodeFile = "node"

// nodeID returns the id of the node in a data directory, which the file node keeps. In a
// fleet the first start chooses it. Alone, it belongs to the installation, and the file
// follows: so the node keeps its id when it joins a fleet later.
func nodeID(data string, installation syncline.ID, alone bool) (syncline.ID, error) {
	file := filepath.Join(data, nodeFile)
	kept, err := readNodeFile(file)
	if err != nil {
		return "", err
	}
	id := kept
	switch {
	case alone:
		space, err := uuid.Parse(string(installation))
		if err != nil {
			return "", syncline.WrapError(syncline.CodeInternal, err, "the installation's id is no UUID")
		}
		id = syncline.ID(uuid.NewSHA1(space, []byte("node")).String())
	case kept == "":
		id = newID()
	}
	if id == kept {
		return id, nil
	}
	err = writeFile(file, []byte(string(id)+"\n"))
	if err != nil && !alone { // a full disk keeps no server from starting
		return "", cannotUse(err, data)
	}
	return id, nil
}

// readNodeFile returns the id in a file, "" where there is none.
func readNodeFile(file string) (syncline.ID, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var text []byte
	if err == nil && info.Mode().IsRegular() && info.Size() <= 64 {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", syncline.WrapError(syncline.CodeUnavailable, err, "cannot read %s, which holds the id of this node; check its rights", file)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err,
			"%s holds no id of a node; put it back from a backup, or delete it, and this node gets a new id", file)
	}
	return syncline.ID(id.String()), nil
}

// writeFile puts a file in place whole or not at all, readable by its owner alone.
func writeFile(file string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(file))
}

// newFleet returns this node among the others, before its first sign of life.
func (s *Server) newFleet(ctx context.Context, o *Options, addr net.Addr) (*fleet.Service, error) {
	installation, err := s.store.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	alone := s.database.alone()
	id, err := nodeID(s.path, installation, alone)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	self := syncline.Node{
		ID: id, HostName: host, Version: o.Version, Threads: runtime.GOMAXPROCS(0), StartedAt: wall(),
		Address: reachedAt(addr, o.Listen, host),
	}
	if tcp, ok := addr.(*net.TCPAddr); ok {
		self.Port = tcp.Port
	}
	place, err := dataPlace(s.path, host)
	if err != nil {
		return nil, cannotUse(err, s.path)
	}
	return &fleet.Service{
		Store: s.store, Self: self, Process: uuid.NewString(), Place: place, Alone: alone, Logger: o.Logger, Now: time.Now,
		Same: func(ctx context.Context) error {
			return cmp.Or(sameInstallation(ctx, s.store, installation), s.database.outdated(ctx))
		},
	}, nil
}

// sameInstallation fails with CodeConflict where the database holds another installation
// than the one that a server began with. Its key may be another one too.
func sameInstallation(ctx context.Context, instance store.Instance, began syncline.ID) error {
	id, err := instance.InstallationID(ctx)
	if err == nil && id != began {
		err = syncline.Errorf(syncline.CodeConflict, "the database holds another installation than the one that this server began with; start the server again to use it, or bring the other one back")
	}
	return err
}

// reachedAt is the address at which other machines reach a server: the host that it
// listens at, or where that is all of them the machine's name.
func reachedAt(addr net.Addr, listen, host string) string {
	named, _, err := net.SplitHostPort(listen)
	if err == nil && named != "" && (net.ParseIP(named) == nil || !net.ParseIP(named).IsUnspecified()) {
		host = named
	}
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		port = "0"
	}
	return net.JoinHostPort(host, port)
}

// workLoad tells what a node has to do.
func workLoad(runs *run.Service) func() syncline.NodeLoad {
	used := newProcessor(wall)
	return func() syncline.NodeLoad {
		load := syncline.NodeLoad{CPUPermille: used.permille(), Memory: memoryOfProcess()}
		var waiting int
		load.Sessions, load.Queued = runs.Load(syncline.WorkSynchronize)
		load.Restores, waiting = runs.Load(syncline.WorkRestore)
		load.Queued += waiting
		return load
	}
}

// bindFolders makes this node, which is alone, the one that serves the repositories in
// folders. So they are found again when the node joins a fleet. No other node serves those
// in object storage that were bound to one.
func (s *Server) bindFolders(ctx context.Context, id syncline.ID) error {
	all, err := s.store.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		serves := id
		if r.Path == "" && r.NodeID != id {
			serves = ""
		}
		if r.NodeID == serves {
			continue
		}
		r.NodeID = serves
		if err := s.store.UpdateRepository(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// bootID tells one start of a machine from another where the system has such an id.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// dataPlace identifies a data directory on this machine. A copy has another place.
func dataPlace(data, host string) (string, error) {
	path, err := filepath.Abs(data)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{host, bootID(), path, strconv.FormatUint(fileNumber(info), 10)}, "\n"), nil
}

// join gives the node's signs of life until leave is called, and ends the returned context
// when another process takes the node over. leave returns the reason then.
func (s *Server) join(ctx context.Context, nodes *fleet.Service) (_ context.Context, leave func() error, err error) {
	if err := nodes.Begin(ctx); err != nil {
		return ctx, nil, err
	}
	if nodes.Alone {
		if err := s.bindFolders(ctx, nodes.SelfID()); err != nil {
			nodes.Logger.Error("cannot record that this node serves the repositories in its folders", "error", err)
		}
	}
	serving, lost := context.WithCancel(ctx)
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer lost()
		ended <- nodes.Run(living)
	}()
	return serving, func() error {
		end()
		return <-ended
	}, nil
}
