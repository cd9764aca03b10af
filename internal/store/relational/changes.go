package relational

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// changing is a list of one table's rows that other processes write, too. A read asks for
// the rows that have changed, and takes the others from the read before it. Every read is
// as new as a read of all rows. The database finds the rows by an index.
type changing[T any] struct {
	last atomic.Pointer[listed[T]]

	table  string // with its alias and joins
	alias  string
	number string // the column that the rows are sorted by, of which two rows have none alike
	fields string // what scan reads
	scan   func(Row) (T, error)
}

// listed is what a read has found. Nobody changes it.
type listed[T any] struct {
	edge    int64  // all transactions before it had ended; 0 where nobody knows
	history string // of the table to which edge belongs
	numbers []int64
	rows    []T
	reads   int // how many reads it was made of
}

// mostReads bounds the reads that follow one of all rows. So nothing that the database
// answered wrongly lasts.
const mostReads = 100

// get returns the list, in the order of the numbers. Its callers do not change it.
func (c *changing[T]) get(ctx context.Context, s *Store, doing string) ([]T, error) {
	before := c.last.Load()
	if before != nil && (before.edge == 0 || before.reads >= mostReads) {
		before = nil
	}
	found, err := c.read(ctx, s, doing, before)
	if err == nil && before != nil && (found.history != before.history || found.edge < before.edge) {
		before = nil // another database has taken over, or an older disk, or rows are gone
		found, err = c.read(ctx, s, doing, nil)
	}
	if err != nil {
		return nil, err
	}
	if before != nil {
		found = merge(before, found)
	}
	c.last.Store(found)
	return found.rows, nil
}

// read asks for the rows that have changed after a read before, all where there is none. The
// first row is always among them, with what is known of the table. One read may see less than
// another that was asked for later; it is as new as its caller's question all the same.
func (c *changing[T]) read(ctx context.Context, s *Store, doing string, before *listed[T]) (*listed[T], error) {
	name, changed, where, args := firstWord(c.table), "TRUE", "", []any{}
	if before != nil {
		changed = fmt.Sprintf(s.dialect.After, c.alias)
		where = ` WHERE ` + c.alias + `.` + c.number + ` IN (SELECT ` + c.number + ` FROM ` + name + ` WHERE ` + fmt.Sprintf(s.dialect.After, name) +
			` UNION SELECT min(` + c.number + `) FROM ` + name + `)`
		args = append(args, before.edge)
	}
	query := `SELECT ` + c.fields + `, ` + c.alias + `.` + c.number + `, ` + changed + `, ` + s.dialect.Edge + `, ` + fmt.Sprintf(s.dialect.History, name) +
		` FROM ` + c.table + where + ` ORDER BY ` + c.alias + `.` + c.number
	found := &listed[T]{rows: []T{}}
	_, err := queryAll(ctx, s, doing, func(r Row) (v T, err error) {
		var number int64
		var is bool
		if v, err = c.scan(longer{r, []any{&number, &is, &found.edge, &found.history}}); err == nil && is {
			found.numbers, found.rows = append(found.numbers, number), append(found.rows, v)
		}
		return v, err
	}, query, args...)
	if found.history == "" {
		found.edge = 0
	}
	return found, err
}

func firstWord(s string) string { return strings.Fields(s)[0] }

// longer is a row with more columns at its end.
type longer struct {
	Row

	more []any
}

// Scan implements Row.
func (l longer) Scan(dest ...any) error { return l.Row.Scan(append(slices.Clip(dest), l.more...)...) }

// merge returns the list before with the rows that have changed. Both are sorted.
func merge[T any](before, found *listed[T]) *listed[T] {
	if len(found.numbers) == 0 {
		return &listed[T]{edge: found.edge, history: found.history, reads: before.reads + 1, numbers: before.numbers, rows: before.rows}
	}
	next := &listed[T]{
		edge: found.edge, history: found.history, reads: before.reads + 1,
		numbers: slices.Clone(before.numbers), rows: slices.Clone(before.rows),
	}
	for i, number := range found.numbers {
		at, there := slices.BinarySearchFunc(next.numbers, number, cmp.Compare[int64])
		if there {
			next.rows[at] = found.rows[i]
			continue
		}
		next.numbers = slices.Insert(next.numbers, at, number)
		next.rows = slices.Insert(next.rows, at, found.rows[i])
	}
	return next
}
