package syncline

// Node is one running server of this installation.
type Node struct {
	ID          ID
	HostName    string
	Description string
	Port        int
	Threads     int // that decode trees at once
	Online      bool
}
