package api

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

// spaceTimeout is how long an answer waits for the file system. A file system on a lost
// network can block for minutes.
const spaceTimeout = 200 * time.Millisecond

// space is the size of a file system and what is free on it, in bytes.
type space struct{ capacity, free int64 }

// spaceProbe asks file systems for their size and never hangs with one of them. One
// question per path is under way at most, and no answer waits for it longer than
// spaceTimeout.
type spaceProbe struct {
	statfs func(path string) (space, error)

	mu    sync.Mutex
	asked map[string]chan space // closed without a value for "unknown"
}

func newSpaceProbe(statfs func(string) (space, error)) *spaceProbe {
	return &spaceProbe{statfs: statfs, asked: make(map[string]chan space)}
}

// of returns the space at path. ok is false when it is not known in time.
func (p *spaceProbe) of(ctx context.Context, path string) (space, bool) {
	answer, ok := p.ask(path)
	if !ok {
		return space{}, false // the last question has not been answered yet
	}
	timeout := time.NewTimer(spaceTimeout)
	defer timeout.Stop()
	select {
	case s, known := <-answer:
		return s, known
	case <-timeout.C:
	case <-ctx.Done():
	}
	return space{}, false
}

// ask starts a question unless one about this path is under way.
func (p *spaceProbe) ask(path string) (<-chan space, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, busy := p.asked[path]; busy {
		return nil, false
	}
	answer := make(chan space, 1)
	p.asked[path] = answer
	go func() {
		s, err := p.statfs(path)
		p.mu.Lock()
		delete(p.asked, path)
		p.mu.Unlock()
		if err == nil {
			answer <- s
		}
		close(answer)
	}()
	return answer, true
}

// usedTimeout is how long an answer waits for the sizes of repositories. Counting a
// catalog for the first time can take longer. Its size stays unknown until a request
// for its statistics.
const usedTimeout = 500 * time.Millisecond

// usedSpace returns the bytes that the repositories in each storage take there, by
// their catalogs; nil where that is not known.
func (h *storages) usedSpace(ctx context.Context, storages []syncline.ObjectStorage) ([]*int64, error) {
	repos, err := h.repositories.known.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	soon, cancel := context.WithTimeout(ctx, usedTimeout)
	defer cancel()
	used := make([]*int64, len(storages))
	for i, s := range storages {
		used[i] = h.usedIn(soon, s.ID, repos)
	}
	return used, ctx.Err()
}

// usedIn adds up the repositories in one storage.
func (h *storages) usedIn(ctx context.Context, storage syncline.ID, repos []syncline.Repository) *int64 {
	total, known := int64(0), false
	for _, r := range repos {
		if r.ObjectStorageID != storage {
			continue
		}
		used := packedSize(ctx, h.sizes, r.ID)
		if used == nil {
			return nil
		}
		total, known = total+*used, true
	}
	if !known {
		return nil
	}
	return &total
}

// repositorySizes counts repositories by their catalogs.
type repositorySizes interface {
	Repository(ctx context.Context, id syncline.ID) (explore.RepositoryStatistics, error)
}

// packedSize is the size of a repository's packs by its catalog; nil where that is not
// known, whatever the cause.
func packedSize(ctx context.Context, sizes repositorySizes, repository syncline.ID) *int64 {
	stats, err := sizes.Repository(ctx, repository)
	if err != nil {
		return nil
	}
	used := signed(stats.StoredSize) + signed(stats.UnusedStoredSize)
	return &used
}
