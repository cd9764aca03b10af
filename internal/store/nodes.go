package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// MaxNodes bounds the nodes that are kept. The nodes of an installation are few.
const MaxNodes = 1000

// Sign says which process gives a sign of life, and what it may replace.
type Sign struct {
	// Process differs for every start of a program.
	Process string
	// Place identifies the data directory on its machine. Only one process at a time
	// uses a place.
	Place string
	// Begin says that the process has just started, and takes the node over.
	Begin bool
	// Alive is the silence from which on the process of a node counts as dead.
	Alive time.Duration
}

// Nodes keeps the nodes that run on this database, and those that did. The clock is that
// of the database.
type Nodes interface {
	// Nodes returns all of them, by the order of their first signs of life. It sets all
	// but Online and Description.
	Nodes(ctx context.Context) ([]syncline.Node, error)
	// PutNode records a sign of life with all that n says, but not Maintenance, SeenAt
	// and Silence, and returns the node as it is kept. A node that is not known begins
	// without maintenance mode. CodeConflict says that another process gives the signs of
	// this node: one that a beginning process does not replace, since it has another
	// place, has not stopped and is not dead, or one that has replaced this process. It
	// is also for more than MaxNodes.
	PutNode(ctx context.Context, n syncline.Node, s Sign) (syncline.Node, error)
	// SetMaintenance switches the maintenance mode of a node.
	SetMaintenance(ctx context.Context, id syncline.ID, on bool) error
	// DeleteNode forgets a node. Its unended work that no other node can run ends as
	// failed. CodeConflict is for a node that has neither stopped nor been silent for the
	// time alive, and for one to which repositories are bound; the message names them.
	DeleteNode(ctx context.Context, id syncline.ID, alive time.Duration) error
}
