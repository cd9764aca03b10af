//go:build !windows

package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/catalog/postgres"
	"syncline.dev/syncline/internal/pgtest"
	store "syncline.dev/syncline/internal/store/postgres"
)

const databaseID = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")

// inDatabase runs fn with the one catalog of a database, as a node has it.
func inDatabase(ctx context.Context, url string, fn func(*catalog.Catalog) error) error {
	s, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	dir := postgres.OpenDirectory(s.Pool().Conns(), postgres.Options{})
	err = dir.Use(ctx, databaseID, fn)
	dir.Close()
	return errors.Join(err, s.Close())
}

// row is one value of a container.
type row struct {
	kind  catalog.Kind
	no    uint64
	value []byte
}

// rowsOf returns all that a catalog's container holds, and its head.
func rowsOf(t *testing.T, box catalog.Container) (rows []row, head catalog.Head) {
	t.Helper()
	check(t, box.View(t.Context(), func(r catalog.Reader) error {
		head = r.Head()
		for kind := catalog.Kind(1); kind < catalog.KindCount; kind++ {
			err := r.Scan(kind, 0, func(no uint64, value []byte) error {
				rows = append(rows, row{kind, no, bytes.Clone(value)})
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return rows, head
}

// inMemoryAs returns a container in memory with those rows.
func inMemoryAs(t *testing.T, rows []row, head catalog.Head) *catalogtest.Memory {
	t.Helper()
	m := catalogtest.NewMemory()
	check(t, m.Update(t.Context(), "", func(w catalog.Writer) error {
		for _, r := range rows {
			if err := w.Put(r.kind, r.no, r.value); err != nil {
				return err
			}
		}
		return w.SetHead(head)
	}))
	return m
}

// TestTwoProcessesInDatabase has two processes, as two nodes, synchronize one catalog
// from the same state, 100 times. One of them wins, and the other says so. The rows
// are those that the winner leaves when it is alone.
func TestTwoProcessesInDatabase(t *testing.T) {
	url := pgtest.New(t)
	check(t, inDatabase(t.Context(), url, func(c *catalog.Catalog) error {
		tell := [2]func(string) string{startWriter(t, url, 1), startWriter(t, url, 2)}
		both := func(what string) (answers [2]string) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				answers[0] = tell[0](what)
			}()
			answers[1] = tell[1](what)
			<-done
			return answers
		}
		wins := [2]int{}
		for round := range uint64(100) {
			for side := range tell {
				if got := tell[side](fmt.Sprint("model ", 2*round+uint64(side))); got != "ok" {
					t.Fatalf("round %d: %s", round, got)
				}
			}
			rows, head := rowsOf(t, c.Box())
			before := inMemoryAs(t, rows, head)
			for _, what := range []string{"build", "add"} {
				if got := both(what); got != [2]string{"ok", "ok"} {
					t.Fatalf("round %d, %s: %q", round, what, got)
				}
			}
			flushed := both("flush")
			winner := slices.Index(flushed[:], "ok")
			if winner < 0 || flushed[1-winner] != "conflict" {
				t.Fatalf("round %d: the writers are told %q, want one ok and one conflict", round, flushed)
			}
			wins[winner]++
			want := [2]string{"conflict", "conflict"}
			want[winner] = "ok"
			if got := both("publish"); got != want {
				t.Fatalf("round %d: behind %q the publications give %q", round, flushed, got)
			}
			both("unload")
			compareAlone(t, c, before, 2*round+uint64(winner))
		}
		t.Logf("the first process won %d rounds, the second one %d", wins[0], wins[1])
		return nil
	}))
}

// compareAlone has one process do what the winner did, from the same state, and
// compares the rows.
func compareAlone(t *testing.T, c *catalog.Catalog, before *catalogtest.Memory, seed uint64) {
	t.Helper()
	alone := &writerProcess{m: writerModel(seed), c: open(t, before)}
	for _, what := range []string{"build", "add", "flush", "publish", "unload"} {
		check(t, alone.do(t.Context(), what))
	}
	got, _ := rowsOf(t, c.Box())
	want, _ := rowsOf(t, before)
	if len(got) != len(want) {
		t.Fatalf("two processes leave %d rows, one leaves %d", len(got), len(want))
	}
	for i := range want {
		if got[i].kind != want[i].kind || got[i].no != want[i].no || !bytes.Equal(got[i].value, want[i].value) {
			t.Fatalf("value %d of kind %d is not that of a process alone", want[i].no, want[i].kind)
		}
	}
}

// TestModelInDatabase builds a catalog in sessions, cleans it, and compares what it
// shows with a catalog in memory.
func TestModelInDatabase(t *testing.T) {
	check(t, inDatabase(t.Context(), pgtest.New(t), func(c *catalog.Catalog) error {
		memory := inMemory(t)
		m := newModel(31)
		for round := range 6 {
			m.grow(60, 3)
			for _, c := range []*catalog.Catalog{c, memory} {
				m.build(t, c, 1+round%3, m.order)
				m.publish(t, c)
				if round%2 == 1 {
					_, err := c.Publish(t.Context(), nil, ids(m.snapshots[:2]))
					check(t, err)
					_, err = c.Clean(t.Context(), 0, func(syncline.Hash) bool { return false })
					check(t, err)
				}
				c.Unload()
			}
			if round%2 == 1 {
				m.snapshots = m.snapshots[2:]
			}
			catalog.Forget()
			wantDump(t, dump(t, c), dump(t, memory))
		}
		return nil
	}))
}
