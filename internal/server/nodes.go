package server

import (
	"context"
	"net"
	"os"
	"runtime"
	"sync"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/store"
)

// nodes are the nodes of this installation: the one that runs here.
type nodes struct {
	instance store.Instance
	port     int
	version  string // of the program

	mu   sync.Mutex
	self syncline.Node
}

var _ api.Nodes = (*nodes)(nil)

// newNodes returns the node that listens at an address. Its id belongs to the
// database.
func newNodes(ctx context.Context, instance store.Instance, addr net.Addr, version string) (*nodes, error) {
	installation, err := instance.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	space, err := uuid.Parse(string(installation))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the installation's id is no UUID")
	}
	n := &nodes{instance: instance, version: version}
	if tcp, ok := addr.(*net.TCPAddr); ok {
		n.port = tcp.Port
	}
	n.self.ID = syncline.ID(uuid.NewSHA1(space, []byte("node")).String())
	n.look(ctx)
	return n, nil
}

// look reads the node's state. A node is online while it reaches its database.
func (n *nodes) look(ctx context.Context) {
	_, err := n.instance.InstallationID(ctx)
	name, nameErr := os.Hostname()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.self.Online = err == nil
	if nameErr == nil {
		n.self.HostName = name
	}
	n.self.Description = "Syncline " + n.version
	n.self.Port, n.self.Threads = n.port, runtime.GOMAXPROCS(0)
}

// Nodes implements api.Nodes.
func (n *nodes) Nodes(context.Context) ([]syncline.Node, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return []syncline.Node{n.self}, nil
}

// Rescan implements api.Nodes.
func (n *nodes) Rescan(ctx context.Context, id syncline.ID) error {
	if id != n.self.ID {
		return syncline.Errorf(syncline.CodeNotFound, "there is no node %q", id)
	}
	n.look(ctx)
	return nil
}
