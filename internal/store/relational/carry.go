package relational

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
)

// passing are the tables of what belongs to running nodes. A state that no node uses has
// nothing in them that lasts.
var passing = []string{"account_users", "work_holds", "duties", "nodes"}

// carryTime bounds the transactions that carry a state.
const carryTime = time.Hour

// patient is an engine that bounds its views, unless it is told of another bound.
type patient interface {
	ViewWithin(ctx context.Context, limit time.Duration, doing string, fn func(context.Context, Querier) error) error
}

// Carry copies a whole state into an empty one, in one transaction: the rows with their
// numbers, so that the next ones go on behind them. keyCheck is the new one, nil for none.
// Unended work belongs to no node then. It returns how many rows it copied. CodeConflict
// is for a state that is not empty. No node uses either state meanwhile.
func Carry(ctx context.Context, from, to *Store, keyCheck []byte) (rows int64, err error) {
	const doing = "carry the state"
	view := from.engine.View
	if p, ok := from.engine.(patient); ok {
		view = func(ctx context.Context, doing string, fn func(context.Context, Querier) error) error {
			return p.ViewWithin(ctx, carryTime, doing, fn)
		}
	}
	err = view(ctx, doing, func(viewing context.Context, source Querier) error {
		return to.engine.Update(ctx, Write{Doing: doing, Limit: carryTime}, func(ctx context.Context, tx Tx) error {
			c := carrier{from: from.dialect, to: to.dialect, source: source, viewing: viewing, tx: tx}
			if err := c.all(ctx, keyCheck); err != nil {
				return err
			}
			rows = c.rows
			return nil
		})
	})
	return rows, err
}

// carrier copies tables inside of a transaction of each state.
type carrier struct {
	from, to Dialect
	source   Querier
	viewing  context.Context // of the source's transaction
	tx       Tx
	rows     int64
}

// column is a column of a table in the target.
type column struct{ name, kind string }

func (c *carrier) all(ctx context.Context, keyCheck []byte) error {
	lasting := slices.DeleteFunc(TableNames(), func(t string) bool { return slices.Contains(passing, t) })
	for _, table := range lasting[1:] { // every state has an instance
		n, err := count(ctx, c.tx, table)
		if err != nil {
			return err
		}
		if n > 0 {
			return syncline.Errorf(syncline.CodeConflict, "the target has a state already (%s); choose an empty one", table)
		}
	}
	if _, err := c.tx.Exec(ctx, `DELETE FROM instance`); err != nil {
		return err
	}
	for _, table := range lasting {
		if err := c.table(ctx, table); err != nil {
			return err
		}
	}
	if _, err := c.tx.Exec(ctx, `UPDATE instance SET key_check = ?`, keyCheck); err != nil {
		return err
	}
	_, err := c.tx.Exec(ctx, `UPDATE work SET owner = '', lease_until = NULL WHERE state IN ('queued', 'running')`)
	return err
}

func count(ctx context.Context, q Querier, table string) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n)
	return n, err
}

// columns returns the columns of a table by name.
func columns(ctx context.Context, q Querier, d Dialect, table string) ([]column, error) {
	list, err := scanAll(ctx, q, func(r Row) (c column, err error) {
		err = r.Scan(&c.name, &c.kind)
		return c, err
	}, d.Columns, table)
	slices.SortFunc(list, func(a, b column) int { return strings.Compare(a.name, b.name) })
	return list, err
}

// table copies one table.
func (c *carrier) table(ctx context.Context, table string) error {
	have, err := columns(c.viewing, c.source, c.from, table)
	if err != nil {
		return err
	}
	want, err := columns(ctx, c.tx, c.to, table)
	if err != nil {
		return err
	}
	if len(have) == 0 || !slices.EqualFunc(have, want, func(a, b column) bool { return a.name == b.name }) {
		return syncline.Errorf(syncline.CodeUnsupported, "the two databases have other columns in %s; start this program's server on each once, which brings them up to date", table)
	}
	var names, marks []string
	for _, w := range want {
		names, marks = append(names, `"`+w.name+`"`), append(marks, "?")
	}
	insert := fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s)`, table, strings.Join(names, ", "), strings.Join(marks, ", "))
	found, err := c.source.Query(c.viewing, fmt.Sprintf(`SELECT %s FROM %s`, strings.Join(names, ", "), table))
	if err != nil {
		return err
	}
	defer found.Close()
	copied, err := c.insert(ctx, insert, found, want)
	if err != nil {
		return err
	}
	if n, err := count(ctx, c.tx, table); err != nil || n != copied {
		return firstError(err, syncline.Errorf(syncline.CodeInternal, "%d rows of %s were copied, and %d are there", copied, table, n))
	}
	c.rows += copied
	if !slices.ContainsFunc(want, func(w column) bool { return w.name == "seq" }) {
		return nil
	}
	return c.renumber(ctx, table)
}

// renumber has the numbers of new rows go on where the source's stand. Rows that are gone,
// like events that were told, keep theirs.
func (c *carrier) renumber(ctx context.Context, table string) error {
	var last int64
	if err := c.source.QueryRow(c.viewing, fmt.Sprintf(c.from.LastNumber, table)).Scan(&last); err != nil {
		return err
	}
	for _, statement := range c.to.Renumber {
		if _, err := c.tx.Exec(ctx, fmt.Sprintf(statement, table), last); err != nil {
			return err
		}
	}
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// carryBatch is how many rows are written at once.
const carryBatch = 500

// insert writes the rows of a result.
func (c *carrier) insert(ctx context.Context, statement string, found Rows, want []column) (copied int64, err error) {
	var batch [][]any
	flush := func() error {
		err := c.tx.ExecEach(ctx, statement, len(batch), func(i int) []any { return batch[i] })
		copied += int64(len(batch))
		batch = batch[:0]
		return err
	}
	for found.Next() {
		values, dest := make([]any, len(want)), make([]any, len(want))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := found.Scan(dest...); err != nil {
			return copied, err
		}
		for i := range values {
			values[i] = c.convert(values[i], want[i].kind)
		}
		if batch = append(batch, values); len(batch) == carryBatch {
			if err := flush(); err != nil {
				return copied, err
			}
		}
	}
	if err := found.Err(); err != nil || len(batch) == 0 {
		return copied, err
	}
	return copied, flush()
}

// convert returns a value as a column of the target takes it.
func (c *carrier) convert(value any, kind string) any {
	switch v := value.(type) {
	case string:
		if c.from.Original != nil {
			return c.from.Original(v)
		}
	case []byte:
		return slices.Clone(v) // the driver may use it again
	case int64:
		if kind == "boolean" {
			return v != 0
		}
	}
	return value
}
