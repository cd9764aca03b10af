package server

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/watch/immutable"
	"syncline.dev/syncline/internal/watch/schedule"
)

// newLooks returns the service that looks whether the files of repositories can be removed.
func (s *Server) newLooks(o *Options) *immutable.Service {
	return &immutable.Service{Repositories: s.store, Records: s.store, Look: s.source.immutability, Logger: o.Logger, Now: wall}
}

// rechecks is the schedule for the API. A repository that the schedule is to try again has
// its storage looked at again as well.
type rechecks struct {
	*schedule.Service
	looks *immutable.Service
}

// Retry implements api.Checks.
func (r rechecks) Retry(repository syncline.ID) {
	r.Service.Retry(repository)
	r.looks.Anew(repository)
}

// lookStore keeps the looks.
type lookStore = store.Immutabilities

// looked is what the API tells of looks.
type looked struct {
	lookStore
	looks *immutable.Service
}

// Anew implements api.Immutability.
func (l looked) Anew(repository syncline.ID) { l.looks.Anew(repository) }

// immutability looks at a sample of a repository's files.
func (s *source) immutability(ctx context.Context, r syncline.Repository) (syncline.Immutability, error) {
	at, err := s.place(ctx, r)
	if err != nil {
		return syncline.Immutability{}, err
	}
	found, err := s.places.Retention(ctx, at)
	if err != nil {
		return syncline.Immutability{}, err
	}
	return immutabilityOf(found), nil
}

func immutabilityOf(r storage.Retention) syncline.Immutability {
	i := syncline.Immutability{
		Told: r.Told, Oldest: r.Oldest, Newest: r.Newest, Rule: r.Rule, Looked: r.Looked, Kept: r.Kept, Held: r.Held,
		Archived: r.Archived, Class: r.Class, Whole: r.Whole, Rights: syncline.RightsUnknown,
	}
	switch r.Rights {
	case storage.RightsRead:
		i.Rights = syncline.RightsReadOnly
	case storage.RightsChange:
		i.Rights = syncline.RightsMayChange
	}
	return i
}
