package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
)

// recorder is an engine that remembers the queries that it was asked.
type recorder struct {
	relational.Engine
	asked *[]asked
}

type asked struct {
	query string
	args  []any
}

func (r recorder) Reader() (relational.Querier, error) {
	q, err := r.Engine.Reader()
	return recordedQuerier{q, r.asked}, err
}

func (r recorder) Update(ctx context.Context, w relational.Write, fn func(context.Context, relational.Tx) error) error {
	return r.Engine.Update(ctx, w, func(ctx context.Context, tx relational.Tx) error {
		return fn(ctx, recordedTx{tx, recordedQuerier{tx, r.asked}})
	})
}

type recordedQuerier struct {
	relational.Querier
	asked *[]asked
}

func (q recordedQuerier) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	*q.asked = append(*q.asked, asked{query, args})
	return q.Querier.Query(ctx, query, args...)
}

func (q recordedQuerier) QueryRow(ctx context.Context, query string, args ...any) relational.Row {
	*q.asked = append(*q.asked, asked{query, args})
	return q.Querier.QueryRow(ctx, query, args...)
}

type recordedTx struct {
	relational.Tx
	q recordedQuerier
}

func (t recordedTx) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	return t.q.Query(ctx, query, args...)
}

func (t recordedTx) QueryRow(ctx context.Context, query string, args ...any) relational.Row {
	return t.q.QueryRow(ctx, query, args...)
}

// Every list is a walk along an index.
func TestQueryPlans(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	var log []asked
	recorded := relational.New(recorder{engine{s}, &log}, relational.Options{Dialect: dialect})
	ctx, page := t.Context(), func(q store.WorkQuery) error { _, err := recorded.WorkPage(t.Context(), q); return err }
	repository := newID()
	if err := s.AddRepository(ctx, syncline.Repository{ID: repository, Name: "r"}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		index string
		sorts bool
		ask   func() error
	}{
		{"SCAN r USING COVERING INDEX", true, func() error { _, err := recorded.LatestWork(ctx, syncline.WorkSynchronize); return err }},
		{"work_unended", false, func() error { _, err := recorded.UnendedWork(ctx, syncline.WorkRestore); return err }},
		{"work_alone", false, func() error {
			_, _, err := recorded.AddWork(ctx, newWork(syncline.WorkSynchronize, repository))
			return err
		}},
		{"work_unended", true, func() error {
			_, err := recorded.TakeWork(ctx, store.Taking{Kind: syncline.WorkRestore, Owner: "node", Limit: 5})
			return err
		}},
		{"work_by_kind", false, func() error { return page(store.WorkQuery{Kind: syncline.WorkRestore, Limit: 10}) }},
		{"work_by_user", false, func() error { return page(store.WorkQuery{Kind: syncline.WorkRestore, StartedBy: "ada", Limit: 10}) }},
		{"work_by_repository", false, func() error {
			return page(store.WorkQuery{Kind: syncline.WorkSynchronize, RepositoryID: repository, Limit: 10, Offset: 5})
		}},
		{"work_by_repository", false, func() error { return recorded.DeleteRepository(ctx, repository) }},
	} {
		log = nil
		if err := test.ask(); err != nil || len(log) == 0 {
			t.Fatalf("%s: %d queries, %v", test.index, len(log), err)
		}
		all := ""
		for _, q := range log {
			all += queryPlan(t, s, q.query, q.args...)
		}
		if !strings.Contains(all, test.index) || strings.Contains(all, "SCAN w\n") || !test.sorts && strings.Contains(all, "TEMP B-TREE") ||
			!test.sorts && strings.Contains(all, "SCAN") {
			t.Errorf("%+v\nhas the plan\n%s", log, all)
		}
	}
}

func queryPlan(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	plan, err := scanAll(t.Context(), s, "explain", func(r relational.Row) (string, error) {
		var id, parent, unused int
		var detail string
		err := r.Scan(&id, &parent, &unused, &detail)
		return detail, err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n") + "\n"
}
