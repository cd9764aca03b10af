package api

import (
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// placement knows which nodes serve what.
type placement struct{ nodes nodeLister }

// fleet is the nodes at one moment.
type fleet struct {
	self  syncline.ID // the node that answers
	nodes []syncline.Node
}

func (p *placement) look(ctx context.Context) (fleet, error) {
	nodes, err := p.nodes.Nodes(ctx)
	return fleet{p.nodes.SelfID(), nodes}, err
}

func (f fleet) node(id syncline.ID) (syncline.Node, bool) {
	i := slices.IndexFunc(f.nodes, func(n syncline.Node) bool { return n.ID == id })
	if i < 0 {
		return syncline.Node{}, false
	}
	return f.nodes[i], true
}

// serving returns the node that a repository is shown with. Where several may serve it,
// that is the first one that takes work, so that every node answers the same.
func (f fleet) serving(r syncline.Repository) syncline.ID {
	if r.NodeID != "" {
		return r.NodeID
	}
	if r.Path != "" {
		return f.self
	}
	for _, n := range f.nodes {
		if n.Online && !n.Maintenance {
			return n.ID
		}
	}
	return f.self
}

// here fails unless the node that answers is the one with an id, or the id is empty. what
// names the thing that the node has.
func (f fleet) here(id syncline.ID, what string) error {
	if id == "" || id == f.self {
		return nil
	}
	return syncline.Errorf(syncline.CodeConflict, "%s; send the request there", f.says(id, what+" is on"))
}

// hasFolder fails unless a repository lies in object storage, or in a folder of the node
// that answers.
func (f fleet) hasFolder(r syncline.Repository) error {
	if r.Path == "" {
		return nil
	}
	return f.here(r.NodeID, "path: the folder")
}

// says returns words with the name of a node behind them.
func (f fleet) says(id syncline.ID, words string) string {
	n, ok := f.node(id)
	if !ok {
		return words + " the node " + string(id) + ", which is not known here"
	}
	return words + " the node " + n.HostName + " (" + n.Address + ")"
}

// allWork reports whether every node takes work.
func (f fleet) allWork() bool {
	return !slices.ContainsFunc(f.nodes, func(n syncline.Node) bool { return !n.Online || n.Maintenance })
}

// waits says why no node runs the queued session of a repository; "" where one may.
func (f fleet) waits(node syncline.ID) string {
	if node != "" {
		switch n, ok := f.node(node); {
		case !ok:
			return ""
		case !n.Online:
			return f.says(node, "only") + " serves the repository, and it does not run"
		case n.Maintenance:
			return f.says(node, "only") + " serves the repository, and it is in maintenance mode"
		}
		return ""
	}
	online := 0
	for _, n := range f.nodes {
		if !n.Online {
			continue
		}
		if online++; !n.Maintenance {
			return ""
		}
	}
	switch {
	case online == 0: // which is not so, since one answers
		return ""
	case len(f.nodes) == 1:
		return "the node is in maintenance mode"
	case online < len(f.nodes):
		return "all nodes that run are in maintenance mode"
	}
	return "all nodes are in maintenance mode"
}

// placed takes over the node that a body asks for. old is the repository as it was, nil
// for a new one; r has its new place.
func (f fleet) placed(old, r *syncline.Repository, b *v6.BackupRepositoryFromClient) error {
	var named syncline.ID
	if saysID(b.ProxyID) {
		named = syncline.ID(strings.ToLower(string(*b.ProxyID)))
		if _, ok := f.node(named); !ok {
			return invalid("proxyId names no proxy; GET /v6/Proxies lists them, or leave it out")
		}
	}
	if r.Path != "" {
		return f.placedFolder(old, r, named, b.IsProxyBound)
	}
	switch bound := b.IsProxyBound; {
	case bound != nil && !*bound:
		r.NodeID = ""
	case bound != nil && named == "" && r.NodeID == "":
		return invalid("isProxyBound needs proxyId; name the node that alone is to serve the repository")
	case named == "":
	case bound == nil && old != nil && named == f.serving(*old): // as the answer of a GET has it
		if old.Path != "" {
			r.NodeID = "" // it leaves its folder
		}
	default:
		r.NodeID = named
	}
	return nil
}

func (f fleet) placedFolder(old, r *syncline.Repository, named syncline.ID, bound *bool) error {
	if bound != nil && !*bound {
		return invalid("isProxyBound cannot be false: a folder belongs to the node that has it; leave it out")
	}
	switch {
	case named != "":
		r.NodeID = named
	case old == nil || old.Path == "":
		r.NodeID = f.self
	}
	return nil
}
