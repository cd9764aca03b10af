package series

import (
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// sightings returns when the snapshots of a repository were first seen. They are read
// once and kept; the caller only reads the map, and holds looking.
func (s *Service) sightings(ctx context.Context, repository syncline.ID) (map[syncline.Hash]seen, error) {
	s.mu.Lock()
	known, ok := s.seen[repository]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	list, err := s.Store.Sightings(ctx, repository)
	if err != nil {
		return nil, err
	}
	known = make(map[syncline.Hash]seen, len(list))
	for i := range list {
		known[list[i].Snapshot] = seen{list[i].Seen.UnixNano(), list[i].Mark}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[syncline.ID]map[syncline.Hash]seen)
	}
	s.seen[repository] = known
	return known, nil
}

// remember brings the kept sightings up to date.
func (s *Service) remember(repository syncline.ID, fresh []syncline.Sighting, gone []syncline.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.seen[repository]
	for i := range fresh {
		known[fresh[i].Snapshot] = seen{fresh[i].Seen.UnixNano(), fresh[i].Mark}
	}
	for _, id := range gone {
		delete(known, id)
	}
}

// Mark fills in when restore points were first seen, and what that says of the times
// that they claim. A point that has not been seen yet stays as it is.
func (s *Service) Mark(ctx context.Context, points []syncline.RestorePoint) error {
	for i := range points {
		p := &points[i]
		if err := s.load(ctx, p.RepositoryID); err != nil {
			return err
		}
		k, ok := s.sighted(p)
		if !ok && s.stale(p.RepositoryID) {
			if err := s.load(ctx, p.RepositoryID); err != nil {
				return err
			}
			k, ok = s.sighted(p)
		}
		if ok {
			p.FirstSeen, p.TimeMark = time.Unix(0, k.at).UTC(), k.mark
		}
	}
	return nil
}

func (s *Service) sighted(p *syncline.RestorePoint) (k seen, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok = s.seen[p.RepositoryID][p.Snapshot.ID]
	return k, ok
}

// load makes sure that the sightings of a repository are in memory.
func (s *Service) load(ctx context.Context, repository syncline.ID) error {
	s.mu.Lock()
	_, ok := s.seen[repository]
	s.mu.Unlock()
	if ok {
		return nil
	}
	s.looking.Lock()
	defer s.looking.Unlock()
	_, err := s.sightings(ctx, repository)
	return err
}

// forget drops the sightings of repositories that are not attached.
func (s *Service) forget(attached []syncline.Repository) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.seen {
		if !slices.ContainsFunc(attached, func(r syncline.Repository) bool { return r.ID == id }) {
			delete(s.seen, id)
		}
	}
	for id := range s.looks.known {
		if !slices.ContainsFunc(attached, func(r syncline.Repository) bool { return r.ID == id }) {
			delete(s.looks.known, id)
			delete(s.looks.recorded, id)
			delete(s.looks.heard, id)
		}
	}
	for id := range s.shared.loaded {
		if _, ok := s.seen[id]; !ok {
			delete(s.shared.loaded, id)
		}
	}
}
