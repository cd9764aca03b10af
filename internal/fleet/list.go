package fleet

import (
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// SelfID returns the id of this node.
func (s *Service) SelfID() syncline.ID { return s.Self.ID }

// Nodes returns all nodes, by the order of their first signs of life. Callers share the
// list and do not change it. It may be two seconds old, and no older where the store does
// not answer: then Nodes fails.
func (s *Service) Nodes(ctx context.Context) ([]syncline.Node, error) {
	s.mu.Lock()
	list, at, changes := s.list, s.at, s.changes
	s.mu.Unlock()
	asked := s.Now()
	if !at.IsZero() && asked.Sub(at) < s.KeptFor && !asked.Before(at) {
		return list, nil
	}
	all, err := s.Store.Nodes(ctx) // which may take long, and so nobody waits for it here
	if err != nil {
		return nil, err
	}
	if s.Alone {
		self := s.Self
		self.Maintenance = slices.ContainsFunc(all, func(n syncline.Node) bool { return n.ID == self.ID && n.Maintenance })
		all = []syncline.Node{self}
	}
	for i := range all {
		s.complete(&all[i])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes { // otherwise the list may be older than a change
		s.list, s.at = all, asked
	}
	return all, nil
}

// complete adds what follows from the sign of life. A node that is alone answers here,
// and so it lives.
func (s *Service) complete(n *syncline.Node) {
	n.Description = "Syncline " + n.Version
	if s.Alone {
		n.SeenAt, n.Silence = s.Now(), 0
		if s.Load != nil {
			n.Load = s.Load()
		}
	}
	n.Online = !n.Stopped && n.Silence < s.Alive
}

// Living returns the nodes that are online.
func (s *Service) Living(ctx context.Context) ([]syncline.Node, error) {
	all, err := s.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(n syncline.Node) bool { return !n.Online }), nil
}

// HasFolder fails with CodeConflict for a repository in a folder that only another node
// has, and names that node.
func (s *Service) HasFolder(ctx context.Context, r syncline.Repository) error {
	if r.Path == "" || r.NodeID == "" || r.NodeID == s.Self.ID {
		return nil
	}
	all, err := s.Nodes(ctx)
	if err != nil {
		return err
	}
	where := "a node that is not known here"
	if i := slices.IndexFunc(all, func(n syncline.Node) bool { return n.ID == r.NodeID }); i >= 0 {
		where = "the node " + all[i].HostName + " (" + all[i].Address + ")"
	}
	return syncline.Errorf(syncline.CodeConflict, "the repository %q lies in a folder of %s; send the request there", r.Name, where)
}

// Rescan asks the store anew. This node gives a sign of life at once; another one is known
// by its signs only. CodeNotFound is for an unknown one.
func (s *Service) Rescan(ctx context.Context, id syncline.ID) error {
	if id == s.Self.ID {
		return s.sign(ctx, false)
	}
	s.forgetList()
	_, found, err := s.known(ctx, id)
	if err == nil && !found {
		err = unknown(id)
	}
	return err
}

// SetMaintenance switches the maintenance mode of a node. This node follows at once,
// another one with its next sign of life.
func (s *Service) SetMaintenance(ctx context.Context, id syncline.ID, on bool) error {
	if err := s.Store.SetMaintenance(ctx, id, on); err != nil {
		return err
	}
	s.forgetList()
	if id == s.Self.ID {
		return s.sign(ctx, false)
	}
	return nil
}

// Remove forgets a node that does not live.
func (s *Service) Remove(ctx context.Context, id syncline.ID) error {
	if id == s.Self.ID {
		return syncline.Errorf(syncline.CodeConflict, "this server answers, and so it lives; put it into maintenance mode, stop it, and remove it at another server")
	}
	defer s.forgetList()
	return s.Store.DeleteNode(ctx, id, s.Alive)
}

// InMaintenance reports whether this node takes no new work.
func (s *Service) InMaintenance() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.self.Maintenance
}

func (s *Service) forgetList() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.at = nil, time.Time{}
	s.changes++
}

func unknown(id syncline.ID) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no node %q", id)
}
