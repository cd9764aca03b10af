package pgpool

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline/internal/pgtest"
)

// reused kills the database before anything of an open transaction is on disk, and has
// others commit until they have been given its number. It returns the transaction's mark.
func reused(t *testing.T, db *pgtest.Server, p *Pool, url string) txMark {
	t.Helper()
	for range 20 {
		psqlAll(t, url, `CHECKPOINT`, `INSERT INTO kept DEFAULT VALUES`)
		var lost txMark
		stop := errors.New("the server goes away")
		if err := p.Update(t.Context(), Begin{Doing: "lose a transaction"}, func(ctx context.Context, tx *Tx) error {
			if _, err := tx.Exec(ctx, `SELECT 1`); err != nil {
				return err
			}
			lost = tx.mark
			db.Kill(t)
			return stop
		}); !errors.Is(err, stop) {
			t.Fatal(err)
		}
		db.Run(t)
		number, err := strconv.Atoi(lost.id)
		if err != nil {
			t.Fatal(err)
		}
		for {
			var next txMark
			if err := p.Update(t.Context(), Begin{Doing: "commit"}, func(ctx context.Context, tx *Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO kept DEFAULT VALUES`)
				next = tx.mark
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if got, err := strconv.Atoi(next.id); err != nil || got > number {
				break // the number was on disk before the end, so nobody gets it again
			} else if got == number {
				return lost
			}
		}
	}
	t.Fatal("no number was given again")
	return txMark{}
}

func psqlAll(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// A server that was killed gives numbers of lost transactions again. The outcome of one is
// not taken for that of another.
func TestOutcomeAfterACrash(t *testing.T) {
	db := pgtest.Start(t)
	url := db.Database(t)
	p, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	psqlAll(t, url, `CREATE TABLE kept (id INT GENERATED ALWAYS AS IDENTITY)`)
	lost := reused(t, db, p, url)
	if err := p.outcome(t.Context(), lost, errOpen); !errors.Is(err, errOpen) {
		t.Errorf("the outcome of a lost transaction is told as %v", err)
	}
}

// A transaction whose outcome can be known is told after a stop of the server, and while it
// goes on: committed, or undone.
func TestOutcome(t *testing.T) {
	db := pgtest.Start(t)
	p, err := Open(db.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var done, undone txMark
	stop := errors.New("stop")
	if err := p.Update(t.Context(), Begin{Doing: "commit"}, func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE kept (id INT)`)
		done = tx.mark
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.Update(t.Context(), Begin{Doing: "undo"}, func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO kept VALUES (1)`)
		undone = tx.mark
		return errors.Join(stop, err)
	}); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	told := func(when string) {
		t.Helper()
		if err := p.outcome(t.Context(), done, errOpen); err != nil {
			t.Errorf("%s: %v for a transaction that is durable", when, err)
		}
		if err := p.outcome(t.Context(), undone, errOpen); !errors.Is(err, errUndone) {
			t.Errorf("%s: %v for a transaction that was undone", when, err)
		}
	}
	told("at once")
	db.Stop(t, "fast")
	db.Run(t)
	told("after a stop")

	// A transaction that goes on is waited for.
	conn, err := p.Conns().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx := &Tx{conn: conn.Conn(), begin: (&Begin{}).statements()}
	if _, err := tx.Exec(t.Context(), `INSERT INTO kept VALUES (2)`); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- p.outcome(t.Context(), tx.mark, errOpen) }()
	select {
	case err := <-result:
		t.Errorf("the outcome is told as %v before the end", err)
	case <-time.After(2 * outcomePause):
		if err := tx.commit(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-result; err != nil {
			t.Errorf("the outcome is %v", err)
		}
	}
}
