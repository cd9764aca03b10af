package fleet

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	// Every is the time between two signs of life.
	Every = 5 * time.Second
	// Alive is the silence from which on a node is offline: three signs have not come.
	Alive = 20 * time.Second
	// keptFor is how long a list of nodes is told before the store is asked again.
	keptFor = 2 * time.Second
	// signTime bounds the write of one sign.
	signTime = 10 * time.Second
)

// Store keeps the nodes. The contract of the methods is that of store.Nodes.
type Store interface {
	Nodes(ctx context.Context) ([]syncline.Node, error)
	PutNode(ctx context.Context, n syncline.Node, s store.Sign) (syncline.Node, error)
	SetMaintenance(ctx context.Context, id syncline.ID, on bool) error
	DeleteNode(ctx context.Context, id syncline.ID, alive time.Duration) error
}

// Service is a node among the others. The fields up to Now are required.
type Service struct {
	Store Store
	// Self is this node, as it is at the start.
	Self syncline.Node
	// Process and Place are those of store.Sign.
	Process, Place string
	// Alone says that there is no other node on the database, as with SQLite. Then signs
	// of life go without saying, and only changes are written.
	Alone  bool
	Logger *slog.Logger
	Now    func() time.Time

	// Same fails with CodeConflict when the store is another one than at the start, or of a
	// newer program; nil for one that stays. Such a node ends.
	Same func(ctx context.Context) error
	// Load tells what the node has to do; nil for nothing.
	Load func() syncline.NodeLoad
	// Drain is told when this node enters or leaves maintenance mode, and once of the
	// mode at the start; nil for nobody. It does not block.
	Drain func(on bool)
	// Every, Alive and KeptFor are the package's where they are zero.
	Every, Alive, KeptFor time.Duration

	wake chan struct{} // asks for a sign at once

	mu   sync.Mutex
	self syncline.Node // as the store has it
	told bool          // Drain was told
	list []syncline.Node
	at   time.Time // of list, zero for none
	// changes counts what makes a list old.
	changes int
}

// Begin takes the node over for this process, and gives its first sign of life. Where
// another process had the node, at another place, Begin waits until that process is dead.
// CodeConflict says that it lives.
func (s *Service) Begin(ctx context.Context) error {
	if s.Every == 0 {
		s.Every = Every
	}
	if s.Alive == 0 {
		s.Alive = Alive
	}
	if s.KeptFor == 0 {
		s.KeptFor = keptFor
	}
	s.wake = make(chan struct{}, 1)
	seen, waited := time.Time{}, time.Duration(0)
	for {
		err := s.sign(ctx, true)
		if s.Alone && syncline.CodeOf(err) == syncline.CodeUnavailable {
			return s.beginUnsigned(ctx, err)
		}
		if syncline.CodeOf(err) != syncline.CodeConflict {
			return err
		}
		other, found, lookErr := s.known(ctx, s.Self.ID)
		switch {
		case lookErr != nil:
			return lookErr
		case !found: // the store has no room for one more
			return err
		case !seen.IsZero() && !other.SeenAt.Equal(seen), waited > 2*s.Alive:
			return syncline.WrapError(syncline.CodeConflict, err,
				"another node with this identity is running, at %s; delete the file node in the copied data directory and start again", other.Address)
		}
		if seen.IsZero() {
			s.Logger.Info("another process had this node, and may live; the start waits for its next sign of life", "address", other.Address)
		}
		seen = other.SeenAt
		waited += s.Every / 5
		if err := pause(ctx, s.Every/5); err != nil {
			return err
		}
	}
}

// beginUnsigned goes on where a node that is alone cannot write: a full disk keeps no
// server from starting.
func (s *Service) beginUnsigned(ctx context.Context, failure error) error {
	n, found, err := s.known(ctx, s.Self.ID)
	if err != nil {
		return failure
	}
	if !found {
		n = s.Self
	}
	s.Logger.Error("cannot record the start of this node", "error", failure)
	s.keep(n)
	return nil
}

// Run gives the signs of life until ctx ends, and then the last one. It fails when
// another process has taken the node over, and when the store is another one.
func (s *Service) Run(ctx context.Context) error {
	failing := false
	for {
		wait := s.Every
		if s.Alone {
			wait = -1
		}
		if !s.wait(ctx, wait) {
			s.leave(ctx)
			return nil
		}
		err := s.sign(ctx, false)
		switch {
		case errors.Is(err, errElsewhere):
			return err
		case syncline.CodeOf(err) == syncline.CodeConflict && s.isReplaced(ctx):
			return syncline.WrapError(syncline.CodeConflict, err, "another process has taken this node's identity; delete the file node in a copied data directory, and start this node again")
		case err != nil && ctx.Err() == nil && !failing:
			s.Logger.Warn("cannot give a sign of life; it is tried again", "error", err)
		case err == nil && failing:
			s.Logger.Info("signs of life are given again")
		}
		failing = err != nil
	}
}

// isReplaced reports whether the store has the node, whose signs another process gives. It
// does not where the node was removed, and there is no room for it.
func (s *Service) isReplaced(ctx context.Context) bool {
	_, found, err := s.known(ctx, s.Self.ID)
	return found && err == nil
}

// wait returns after a time, or without a time when a sign is asked for. It reports false
// when ctx has ended.
func (s *Service) wait(ctx context.Context, length time.Duration) bool {
	var late <-chan time.Time
	if length >= 0 {
		t := time.NewTimer(length)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-late:
	case <-s.wake:
	}
	return true
}

// Wake has this node look at its own record, and give a sign of life, soon.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// errElsewhere matches the error for a store that is another one than at the start.
var errElsewhere = errors.New("another store")

// sign gives a sign of life, and takes over what the store says of the node.
func (s *Service) sign(ctx context.Context, begin bool) error {
	if s.Same != nil {
		asked, cancel := context.WithTimeout(ctx, signTime)
		err := s.Same(asked)
		cancel()
		if syncline.CodeOf(err) == syncline.CodeConflict {
			return syncline.WrapError(syncline.CodeConflict, errors.Join(errElsewhere, err), "%s", syncline.MessageOf(err))
		}
		if err != nil {
			return err
		}
	}
	n := s.Self
	if s.Load != nil {
		n.Load = s.Load()
	}
	return s.put(ctx, n, begin)
}

func (s *Service) put(ctx context.Context, n syncline.Node, begin bool) error {
	ctx, cancel := context.WithTimeout(ctx, signTime)
	defer cancel()
	kept, err := s.Store.PutNode(ctx, n, store.Sign{Process: s.Process, Place: s.Place, Begin: begin, Alive: s.Alive})
	if err != nil {
		return err
	}
	s.keep(kept)
	return nil
}

// keep takes over what the store says of this node.
func (s *Service) keep(kept syncline.Node) {
	s.mu.Lock()
	tell := !s.told || kept.Maintenance != s.self.Maintenance
	s.self, s.told, s.at = kept, true, time.Time{}
	s.changes++
	s.mu.Unlock()
	if tell && s.Drain != nil {
		s.Drain(kept.Maintenance)
	}
}

// leave says farewell, so that the others need not wait for the silence.
func (s *Service) leave(ctx context.Context) {
	n := s.Self
	n.Stopped = true
	if err := s.put(context.WithoutCancel(ctx), n, false); err != nil {
		s.Logger.Warn("cannot tell the other nodes that this one stops", "error", err)
	}
}

func (s *Service) known(ctx context.Context, id syncline.ID) (syncline.Node, bool, error) {
	all, err := s.Store.Nodes(ctx)
	i := slices.IndexFunc(all, func(n syncline.Node) bool { return n.ID == id })
	if err != nil || i < 0 {
		return syncline.Node{}, false, err
	}
	return all[i], true, nil
}

func pause(ctx context.Context, length time.Duration) error {
	t := time.NewTimer(length)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
