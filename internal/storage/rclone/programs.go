package rclone

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Programs are the running programs, one for each remote. The first request to a remote
// starts its program, and further ones share it. A program that has ended is started
// again by the next request. The fields are set before the first use.
type Programs struct {
	Words      []string // the program and its arguments before the remote
	Env        []string // its whole environment
	Timeout    time.Duration
	Foreground bool                      // give it the terminal until it answers
	Said       func(remote, line string) // a line of its standard error; not trusted
	Lines      string                    // for errors: where these lines are
	Longer     string                    // for errors: what to do for a program that is slow to start
	// Names are the program and the arguments with which it lists the names of its remotes. It
	// is run where a Patient program ends before its first answer; never without Names.
	Names []string

	Max  int           // programs at once; 0 for any number
	Idle time.Duration // a program ends after this time without a request; 0 for never
	// Patient is set where a program that ends before its first answer is started again, as
	// one that ends later. Without it, that is final.
	Patient bool

	mu      sync.Mutex
	closed  bool
	links   map[string]*link   // by remote; for new requests
	running map[*link]struct{} // all that have not ended
	changed chan struct{}      // closed when a program has ended or has nothing to do
	ends    sync.WaitGroup     // of programs, until their ends are recorded
}

// queue bounds the wait of a request for the end of another program.
var queue = 10 * time.Second

// acquire returns the link to a remote, for one request. release gives it back.
func (p *Programs) acquire(ctx context.Context, remote string) (*link, error) {
	late := time.NewTimer(queue)
	defer late.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, changed, err := p.try(remote)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, &storage.RequestError{Retryable: true, Err: syncline.Errorf(syncline.CodeUnavailable,
				"%d programs for remotes of rclone run and are busy, and no more may run at once", p.Max)}
		case <-changed:
		}
	}
}

// try is one try of acquire. It returns no link and a channel if the caller has to wait.
func (p *Programs) try(remote string) (*link, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, syncline.Errorf(syncline.CodeCanceled, "the storage is closed")
	}
	l := p.links[remote]
	if l != nil && l.conn.Err() != nil {
		p.end(l)
		l = nil
	}
	if l == nil {
		if p.Max > 0 && len(p.running) >= p.Max {
			if idle := p.longestIdle(); idle != nil {
				p.end(idle)
			}
			if p.changed == nil {
				p.changed = make(chan struct{})
			}
			return nil, p.changed, nil
		}
		var err error
		if l, err = p.start(remote); err != nil {
			return nil, nil, err
		}
	}
	if l.idle != nil {
		l.idle.Stop()
	}
	l.uses++
	return l, nil, nil
}

// start starts the program of a remote. The caller holds mu.
func (p *Programs) start(remote string) (*link, error) {
	l, err := newLink(p, remote)
	if err != nil {
		return nil, err
	}
	if p.links == nil {
		p.links, p.running = map[string]*link{}, map[*link]struct{}{}
	}
	p.links[remote], p.running[l] = l, struct{}{}
	p.ends.Go(func() {
		<-l.process.Done()
		ended()
		l.silence.Stop()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.forget(l)
		delete(p.running, l)
		p.tell()
	})
	return l, nil
}

// ended is called when a program has ended and its end is not recorded. Tests change it.
var ended = func() {}

// release ends a request's use of a link.
func (p *Programs) release(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.uses--
	l.used = time.Now()
	if l.uses > 0 {
		return
	}
	p.tell()
	if p.Idle <= 0 {
		return
	}
	if l.idle != nil {
		l.idle.Reset(p.Idle)
		return
	}
	l.idle = time.AfterFunc(p.Idle, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.uses == 0 && time.Since(l.used) >= p.Idle {
			p.end(l)
		}
	})
}

// longestIdle returns a program without a request, nil if all have one. The caller holds mu.
func (p *Programs) longestIdle() *link {
	var found *link
	for _, l := range p.links {
		if l.uses == 0 && (found == nil || l.used.Before(found.used)) {
			found = l
		}
	}
	return found
}

// drop ends a link that is of no more use.
func (p *Programs) drop(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(l)
}

// end begins the end of a program, which gets no further request. The caller holds mu.
func (p *Programs) end(l *link) {
	p.forget(l)
	p.ends.Go(l.process.Stop)
}

func (p *Programs) forget(l *link) {
	if p.links[l.remote] == l {
		delete(p.links, l.remote)
	}
	if l.idle != nil {
		l.idle.Stop()
	}
}

// tell wakes those that wait for a program. The caller holds mu.
func (p *Programs) tell() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Running returns the number of programs that have not ended.
func (p *Programs) Running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running)
}

// Close ends all programs and waits until their ends are recorded. No program is started
// after it.
func (p *Programs) Close() {
	p.mu.Lock()
	p.closed = true
	for l := range p.running {
		p.forget(l)
		p.ends.Go(l.process.Stop)
	}
	p.tell()
	p.mu.Unlock()
	p.ends.Wait()
}
