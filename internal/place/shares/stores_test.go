package shares

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/postgres"
	"syncline.dev/syncline/internal/store/sqlite"
)

// held is a storage whose files stay open until they are closed.
type held struct {
	mu   sync.Mutex
	open int
	most int
}

func (h *held) List(context.Context, string, func(string, int64) error) error { return nil }

func (h *held) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open++
	h.most = max(h.most, h.open)
	return &heldFile{h: h}, nil
}

type heldFile struct {
	h    *held
	once sync.Once
}

func (f *heldFile) Read([]byte) (int, error) { return 0, io.EOF }

func (f *heldFile) Close() error {
	f.once.Do(func() {
		f.h.mu.Lock()
		defer f.h.mu.Unlock()
		f.h.open--
	})
	return nil
}

// Three nodes over one real database share two connections. Each gets its turn, and no
// more than two files are open at once.
func TestSharesInDatabases(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (node func() (store.Store, error)){
		"SQLite": func(t *testing.T) func() (store.Store, error) {
			path := filepath.Join(t.TempDir(), "s.db")
			return func() (store.Store, error) { return sqlite.Open(t.Context(), path) }
		},
		"PostgreSQL": func(t *testing.T) func() (store.Store, error) {
			url := pgtest.New(t)
			return func() (store.Store, error) { return postgres.Open(t.Context(), url) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			node := open(t)
			h := &held{}
			ctx, cancel := context.WithCancel(t.Context())
			var running, reading sync.WaitGroup
			defer cancel()
			for i, name := range []string{"one", "two", "three"} {
				s, err := node()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				if i == 0 {
					a := syncline.Account{ID: accountID, Kind: syncline.KindS3, Limits: syncline.Limits{Connections: 2}}
					if err := s.AddAccount(ctx, a, []byte("sealed")); err != nil {
						t.Fatal(err)
					}
				}
				shares := New(s, name, slog.New(slog.DiscardHandler))
				running.Go(func() { shares.Run(ctx) })
				st := shares.Limiter(accountID, storage.LimitOptions{}).Wrap(h)
				for range 4 {
					reading.Go(func() {
						for range 5 {
							r, err := st.Open(ctx, "file", 0, -1)
							if err != nil {
								t.Error(err)
								return
							}
							_ = r.Close()
						}
					})
				}
			}
			reading.Wait()
			cancel()
			running.Wait()
			if h.most > 2 || h.open != 0 {
				t.Errorf("%d files were open at once, of 2; %d are still", h.most, h.open)
			}
		})
	}
}
