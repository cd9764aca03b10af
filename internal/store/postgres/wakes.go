package postgres

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/google/uuid"

	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/store"
)

// channel carries the wake-ups of all nodes on a database.
const channel = "syncline"

// wakes tells this node's wake-ups within the process at once, and the other nodes' by
// NOTIFY. It listens from the first reader on.
type wakes struct {
	hub       store.Hub
	sender    string // this node, whose own notifications say nothing new
	pool      *pgpool.Pool
	listener  *pgpool.Pool
	listening func(error)

	begin   sync.Once
	ctx     context.Context //nolint:containedctx // of the listener, until close
	cancel  context.CancelFunc
	stopped sync.WaitGroup
}

// message is a notification.
type message struct {
	Sender string
	Wake   store.Wake
}

func newWakes(pool *pgpool.Pool, url string, listening func(error)) (*wakes, error) {
	listener, err := pgpool.Open(url) // for its settings: it has no connection
	if err != nil {
		return nil, err
	}
	if listening == nil {
		listening = func(error) {}
	}
	w := &wakes{sender: uuid.NewString(), pool: pool, listener: listener, listening: listening}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// Wake implements store.Wakes.
func (w *wakes) Wake(ctx context.Context, wake store.Wake) error {
	if err := w.hub.Wake(ctx, wake); err != nil {
		return err
	}
	text, err := json.Marshal(message{w.sender, wake})
	if err != nil {
		return err
	}
	return w.pool.Single(ctx, pgpool.Begin{Doing: "wake the other nodes", Repeatable: true}, func(ctx context.Context, a pgpool.Alone) error {
		_, err := a.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, string(text))
		return err
	})
}

// Wakes implements store.Wakes.
func (w *wakes) Wakes(ctx context.Context) <-chan store.Wake {
	w.begin.Do(func() {
		w.stopped.Go(func() { w.listener.Listen(w.ctx, channel, w.heard, w.state) })
	})
	return w.hub.Wakes(ctx)
}

func (w *wakes) heard(payload string) {
	var m message
	if err := json.Unmarshal([]byte(payload), &m); err != nil || m.Sender == w.sender {
		return
	}
	_ = w.hub.Wake(w.ctx, m.Wake) // within the process it always comes
}

// state tells all readers that they may have missed something, where that is so.
func (w *wakes) state(err error) {
	if err == nil {
		_ = w.hub.Wake(w.ctx, store.Wake{Topic: store.TopicAll})
	}
	w.listening(err)
}

func (w *wakes) close() {
	w.begin.Do(func() {}) // no reader begins to listen after this
	w.cancel()
	w.stopped.Wait()
	w.listener.Close()
}
