package pgpool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Statement is a statement with its arguments.
type Statement struct {
	Text string
	Args []any
}

// AtOnce runs a transaction of statements that need no answer of one another, in one
// trip. scan reads the row that the first of them returns. The transaction runs a second
// time where others were in the way of the first one, or its connection broke; so it may
// have run twice.
func (p *Pool) AtOnce(ctx context.Context, b Begin, scan func(pgx.Row) error, statements ...Statement) error {
	if b.Limit == 0 {
		b.Limit = limit
	}
	defer p.since(CallAtOnce, time.Now())
	ctx, cancel := context.WithTimeout(ctx, b.Limit)
	defer cancel()
	err := p.atOnce(ctx, b, scan, statements)
	if isPassing(err) && ctx.Err() == nil {
		err = p.atOnce(ctx, b, scan, statements)
	}
	return p.Translate(err, b.Doing)
}

func (p *Pool) atOnce(ctx context.Context, b Begin, scan func(pgx.Row) error, statements []Statement) (err error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { p.release(conn, err) }()
	var batch pgx.Batch
	begin := b.statements()
	for _, s := range begin {
		batch.Queue(s)
	}
	for _, s := range statements {
		batch.Queue(s.Text, s.Args...)
	}
	batch.Queue(`COMMIT`)
	results := conn.SendBatch(ctx, &batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	for range begin {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	if err := scan(results.QueryRow()); err != nil {
		return err
	}
	for range len(statements) { // all but the first, and the COMMIT
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	return nil
}
