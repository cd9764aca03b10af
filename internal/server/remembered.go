package server

import (
	"context"
	"log/slog"
	"time"

	"syncline.dev/syncline"
)

// remembering keeps something of things with ids in memory, such as lists of a
// repository's catalog. It may forget anything at any time, and works it out again.
type remembering interface {
	Remembered() []syncline.ID
	Forget(id syncline.ID)
}

// remembered is what this node remembers of repositories and accounts. Another node may
// remove them, and says so to nobody.
type remembered struct {
	store interface {
		Repositories(ctx context.Context) ([]syncline.Repository, error)
		Accounts(ctx context.Context) ([]syncline.Account, error)
	}
	ofRepositories, ofAccounts []remembering
	log                        *slog.Logger
}

func (s *Server) newRemembered(log *slog.Logger, accounts remembering, repositories ...remembering) *remembered {
	return &remembered{store: s.store, ofRepositories: repositories, ofAccounts: []remembering{accounts}, log: log}
}

// tidyEvery is how long a node remembers what another one has removed.
const tidyEvery = 10 * time.Minute

// Run tidies up now and then until ctx ends.
func (r *remembered) Run(ctx context.Context) {
	every := time.NewTicker(tidyEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		if err := r.tidy(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("cannot look which repositories were removed; tried again in a while", "error", err)
		}
	}
}

// tidy has everything forgotten that is of something removed. It asks for what is
// remembered before it asks for the lists, so that nothing new is forgotten.
func (r *remembered) tidy(ctx context.Context) error {
	repositories, accounts := rememberedIn(r.ofRepositories), rememberedIn(r.ofAccounts)
	known, err := r.store.Repositories(ctx)
	if err != nil {
		return err
	}
	for i := range known {
		delete(repositories, known[i].ID)
	}
	used, err := r.store.Accounts(ctx)
	if err != nil {
		return err
	}
	for i := range used {
		delete(accounts, used[i].ID)
	}
	for id := range repositories {
		r.forgetRepository(id)
	}
	for id := range accounts {
		for _, one := range r.ofAccounts {
			one.Forget(id)
		}
	}
	return nil
}

// forgetRepository has everything of a repository forgotten.
func (r *remembered) forgetRepository(id syncline.ID) {
	for _, one := range r.ofRepositories {
		one.Forget(id)
	}
}

func rememberedIn(all []remembering) map[syncline.ID]bool {
	ids := make(map[syncline.ID]bool)
	for _, one := range all {
		for _, id := range one.Remembered() {
			ids[id] = true
		}
	}
	return ids
}
