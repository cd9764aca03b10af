package postgres

import (
	"context"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store/relational"
)

// explainer is an engine that explains queries, and does not run them.
type explainer struct {
	*engine
	plan *strings.Builder
}

type explained struct {
	relational.Querier
	plan *strings.Builder
}

func (e explainer) Reader() (relational.Querier, error) {
	q, err := e.engine.Reader()
	return explained{q, e.plan}, err
}

func (e explained) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	plan, err := e.Querier.Query(ctx, "EXPLAIN "+query, args...)
	if err != nil {
		return nil, err
	}
	for plan.Next() {
		line := ""
		if err := plan.Scan(&line); err != nil {
			return nil, err
		}
		e.plan.WriteString(line + "\n")
	}
	return plan, plan.Err()
}

// A list of the latest work takes a step for each repository, however much work there was.
func TestLatestWorkPlan(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	for _, statement := range []string{
		`INSERT INTO syncline.repositories (id, name, name_key, description, path, retention_type, retention_period_type, retention_yearly, out_of_sync)
			SELECT 'r' || n, 'r' || n, 'r' || n, '', '', '', '', '', FALSE FROM generate_series(1, 1000) AS n`,
		`INSERT INTO syncline.work (id, kind, repository_seq, state, alone, created_at)
			SELECT r.id || ' ' || n, 'synchronize', r.seq, 'succeeded', TRUE, n FROM syncline.repositories r, generate_series(1, 50) AS n`,
		`ANALYZE syncline.repositories, syncline.work`,
	} {
		psql(t, url, statement)
	}
	var plan strings.Builder
	asking := relational.New(explainer{&engine{pool: s.pool}, &plan}, relational.Options{Dialect: dialect})
	if _, err := asking.LatestWork(t.Context(), syncline.WorkSynchronize); err != nil {
		t.Fatal(err)
	}
	if p := plan.String(); strings.Contains(p, "Seq Scan on work") || !strings.Contains(p, "work_by_repository") {
		t.Errorf("the plan is\n%s", p)
	}
	list, err := s.LatestWork(t.Context(), syncline.WorkSynchronize)
	if err != nil || len(list) != 1000 || !strings.HasSuffix(string(list[0].ID), " 50") {
		t.Errorf("%d are listed, %v", len(list), err)
	}
}

// both is an engine that explains queries and runs them. It counts the rows that they bring.
type both struct {
	*engine
	plan *strings.Builder
	rows *int
}

type readExplained struct {
	relational.Querier
	plan *strings.Builder
	rows *int
}

type countedRows struct {
	relational.Rows
	n *int
}

func (r countedRows) Next() bool {
	more := r.Rows.Next()
	if more {
		*r.n++
	}
	return more
}

func (e both) Reader() (relational.Querier, error) {
	q, err := e.engine.Reader()
	return readExplained{q, e.plan, e.rows}, err
}

func (e readExplained) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	e.plan.Reset()
	if plan, err := (explained{e.Querier, e.plan}).Query(ctx, query, args...); err != nil {
		return plan, err
	}
	rows, err := e.Querier.Query(ctx, query, args...)
	return countedRows{rows, e.rows}, err
}

// A list of what has changed takes steps into indexes, however many rows there are.
func TestChangesPlan(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	for _, statement := range []string{
		`INSERT INTO syncline.repositories (id, name, name_key, description, path, retention_type, retention_period_type, retention_yearly, out_of_sync)
			SELECT 'r' || n, 'r' || n, 'r' || n, '', '', '', '', '', FALSE FROM generate_series(1, 2000) AS n`,
		`INSERT INTO syncline.checks (repository_seq, result, error, code, failures, listing, session_error, session_code, session_failures, session_listing)
			SELECT seq, '', '', '', 0, '', '', '', 0, '' FROM syncline.repositories`,
		`ANALYZE syncline.repositories, syncline.checks`,
	} {
		psql(t, url, statement)
	}
	var plan strings.Builder
	var rows int
	asking := relational.New(both{&engine{pool: s.pool}, &plan, &rows}, relational.Options{Dialect: dialect})
	for round := range 3 {
		repositories, err := asking.Repositories(t.Context())
		if err != nil || len(repositories) != 2000 {
			t.Fatalf("%d are listed, %v", len(repositories), err)
		}
		if round > 0 {
			if p := plan.String(); strings.Contains(p, "Seq Scan on repositories") || !strings.Contains(p, "repositories_by_writer") {
				t.Errorf("the plan is\n%s", p)
			}
		}
		checks, err := asking.Checks(t.Context())
		if err != nil || len(checks) != 2000 {
			t.Fatalf("%d are listed, %v", len(checks), err)
		}
		if round > 0 {
			if p := plan.String(); strings.Contains(p, "Seq Scan") || !strings.Contains(p, "checks_by_writer") {
				t.Errorf("the plan is\n%s", p)
			}
		}
		psql(t, url, `UPDATE syncline.repositories SET out_of_sync = TRUE WHERE id = 'r7'`)
		psql(t, url, `UPDATE syncline.checks SET failures = 1 WHERE repository_seq = 7`)
	}
	// Those of a restored dump are ahead of this server's transactions.
	psql(t, url, `ALTER TABLE syncline.repositories DISABLE TRIGGER written`)
	psql(t, url, `UPDATE syncline.repositories SET written_by = 4000000000000`)
	psql(t, url, `ALTER TABLE syncline.repositories ENABLE TRIGGER written`)
	psql(t, url, `UPDATE syncline.repositories SET out_of_sync = TRUE WHERE id = 'r9'`)
	rows = 0
	if _, err := asking.Repositories(t.Context()); err != nil || rows > 3 { // r1, r7 and r9
		t.Errorf("%d rows are read, %v", rows, err)
	}
}
