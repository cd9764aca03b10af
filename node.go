package syncline

import "time"

// Node is one server of this installation.
type Node struct {
	ID          ID
	HostName    string
	Address     string // host and port under which clients reach it, as the node knows
	Version     string // of the program
	Description string
	Port        int
	Threads     int       // threads that decode trees at once
	StartedAt   time.Time // of the process
	// SeenAt is the time of the last sign of life, and Silence the time that has passed
	// since, both by the clock of the database.
	SeenAt  time.Time
	Silence time.Duration
	Stopped bool // the last sign said that the node stops
	// Online says that the node lives: its last sign is young, and no farewell.
	Online bool
	// Maintenance says that the node takes no new work.
	Maintenance bool
	Load        NodeLoad
}

// NodeLoad is what a node has to do, as its last sign of life told it.
type NodeLoad struct {
	Sessions    int   // that run
	Restores    int   // that run
	Queued      int   // work that waits for its turn on the node
	CPUPermille int   // share of the machine's processors that the server uses; negative where it is not known
	Memory      int64 // bytes that the server has from the system; 0 where it is not known
}

// Draining reports whether a node in maintenance mode still has work.
func (n Node) Draining() bool {
	return n.Maintenance && n.Online && n.Load.Sessions+n.Load.Restores+n.Load.Queued > 0
}
