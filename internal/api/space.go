package api

import (
	"context"
	"sync"
	"time"
)

// spaceTimeout is how long an answer waits for the file system. One on a
// network that is gone can block for minutes.
const spaceTimeout = 200 * time.Millisecond

// space is the size of a file system and what is free on it, in bytes.
type space struct{ capacity, free int64 }

// spaceProbe asks file systems for their size without ever hanging with one of
// them: per path at most one question is under way, and nobody waits for it
// longer than spaceTimeout.
type spaceProbe struct {
	statfs func(path string) (space, error)

	mu    sync.Mutex
	asked map[string]chan space // closed without a value for "unknown"
}

func newSpaceProbe(statfs func(string) (space, error)) *spaceProbe {
	return &spaceProbe{statfs: statfs, asked: make(map[string]chan space)}
}

// of returns the space at path, and false when it is not known in time.
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
