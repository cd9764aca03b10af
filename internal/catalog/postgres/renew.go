package postgres

import (
	"context"

	"syncline.dev/syncline/internal/catalog"
)

// Renew takes a new number of a generation and copies the values that stay. The
// values of the old one stay for views that read it, and are deleted after the
// commit, in steps. A crash leaves them in the list of dropped generations.
func (w *writer) Renew(keep ...catalog.Kind) (catalog.Reader, error) {
	if err := w.send(); err != nil {
		return nil, err
	}
	old := &reader{s: w.s, generation: w.generation, head: w.head}
	next := old.generation
	err := w.s.ask(func(_ int, row [][]byte) error {
		next = readInt8(row[0])
		return nil
	}, statement{sql: `SELECT nextval('syncline.catalog_generations')`})
	if err != nil {
		return nil, err
	}
	var statements []statement
	for _, kind := range keep {
		statements = append(statements, statement{
			`WITH kept AS (
			INSERT INTO syncline.catalog_values (generation, id, final, data)
			SELECT $1, id, final, data FROM syncline.catalog_values WHERE generation = $2 AND id BETWEEN $3 AND $4
			RETURNING octet_length(data) AS n)
			SELECT coalesce(sum(n), 0)::bigint FROM kept`,
			[]param{int8Param(next), int8Param(old.generation), int8Param(id(kind, 0)), int8Param(id(kind, catalog.MaxNumber))},
		})
	}
	w.grown = 0
	if len(statements) > 0 {
		if err := w.s.ask(w.count, statements...); err != nil {
			return nil, err
		}
	}
	w.wrote, w.dropped, w.generation = true, old.generation, next
	return old, nil
}

// dropStep is the number of values that one step deletes: some 30 MB of full
// blocks.
const dropStep = 1000

// drop deletes a part of the values of a generation that no catalog has. more
// says that there may be more to do. Several nodes may do it at once.
func (l *link) drop(ctx context.Context) (more bool, err error) {
	var generation int64
	conn, err := l.begin(ctx, []statement{
		{sql: `BEGIN`},
		{`SELECT set_config('idle_in_transaction_session_timeout', $1, true)`, []param{milliseconds(l.idle.Milliseconds())}},
		{sql: `SELECT generation FROM syncline.catalog_dropped LIMIT 1 FOR UPDATE SKIP LOCKED`},
	}, func(which int, row [][]byte) error {
		if which == 2 {
			generation, more = readInt8(row[0]), true
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	defer func() { l.rollback(conn) }()
	if !more {
		return false, nil
	}
	// The last step takes the generation off the list.
	_, err = l.exchange(ctx, conn, []statement{{
		`WITH step AS (
			SELECT id FROM syncline.catalog_values WHERE generation = $1 ORDER BY id LIMIT $2),
		gone AS (DELETE FROM syncline.catalog_values WHERE generation = $1 AND id IN (SELECT id FROM step))
		DELETE FROM syncline.catalog_dropped WHERE generation = $1 AND (SELECT count(*) FROM step) < $2`,
		[]param{int8Param(generation), int8Param(dropStep)},
	}, {sql: `COMMIT`}}, nil)
	return err == nil, translate(ctx, err)
}
