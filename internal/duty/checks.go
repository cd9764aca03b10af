package duty

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// checkLength is how long the check of a repository stays with a node that falls silent.
const checkLength = 20 * time.Second

// checkPrefix begins the names of the duties to check a repository.
const checkPrefix = "check/"

// Checks is the duties to check repositories, one each.
type Checks struct {
	Store interface {
		Store
		HeldDuties(ctx context.Context, prefix string) ([]store.Duty, error)
	}
	Self   syncline.ID // this node
	Logger *slog.Logger
}

// Node returns the id of this node.
func (c *Checks) Node() syncline.ID { return c.Self }

// Take takes the duty to check a repository. It returns the context for the check, and
// what lets the duty go; both are nil where another node has it.
func (c *Checks) Take(ctx context.Context, repository syncline.ID) (held context.Context, drop func(), err error) {
	h := &Holder{
		Store: c.Store, Name: checkPrefix + string(repository), Node: c.Self, Length: checkLength, Every: checkLength / 3, Logger: c.Logger,
	}
	ctx, cancel := context.WithCancel(ctx)
	if held, err = h.Held(ctx); held == nil || err != nil {
		cancel()
		return nil, nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Keep(ctx)
	}()
	return held, func() {
		cancel()
		<-ended
	}, nil
}

// Taken returns the repositories that other nodes are checking.
func (c *Checks) Taken(ctx context.Context) (map[syncline.ID]bool, error) {
	list, err := c.Store.HeldDuties(ctx, checkPrefix)
	if err != nil {
		return nil, err
	}
	taken := make(map[syncline.ID]bool, len(list))
	for _, d := range list {
		if d.Owner != string(c.Self) {
			taken[syncline.ID(strings.TrimPrefix(d.Name, checkPrefix))] = true
		}
	}
	return taken, nil
}
