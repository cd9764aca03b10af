package postgres

import (
	"context"

	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/store/relational"
)

// OpenAsIs is Open for a look: it makes no connection, and changes no schema. The methods
// of store.Store expect the latest one, which Version tells.
func OpenAsIs(url string) (*Store, error) {
	pool, err := pgpool.Open(url)
	if err != nil {
		return nil, err
	}
	w, err := newWakes(pool, url, nil)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{Store: relational.New(&engine{pool: pool}, relational.Options{Dialect: dialect}), wakes: w, pool: pool}, nil
}

// Version returns the version of the schema, 0 for none, and the latest one that this
// program knows. It fails for the schema of another program, and for one that is too new.
func (s *Store) Version(ctx context.Context) (version, latest int64, err error) {
	files, err := programMigrations()
	if err != nil {
		return 0, 0, err
	}
	m, err := readMark(ctx, s.pool)
	if err != nil {
		return 0, 0, err
	}
	return m.version, files.latest(), m.usable(files.latest())
}
