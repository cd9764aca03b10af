package sqlite

import (
	"fmt"

	"syncline.dev/syncline/internal/catalog"
)

// A new generation is written into a table of its own. At the end of the update
// that table takes the place of the old one, which goes with all its values at
// once. All of it is one transaction: views see the old table until the commit.

// Renew begins a new generation.
func (t *tx) Renew(keep ...catalog.Kind) (catalog.Reader, error) {
	_, err := t.tx.ExecContext(t.ctx, fmt.Sprintf(createTable, renewedTable))
	if err != nil {
		return nil, t.translate(err)
	}
	for _, kind := range keep {
		_, err := t.tx.ExecContext(t.ctx, fmt.Sprintf(`INSERT INTO %s SELECT id, data FROM %s WHERE id BETWEEN ? AND ?`, renewedTable, t.table),
			id(kind, 0), id(kind, catalog.MaxNumber))
		if err != nil {
			return nil, t.translate(err)
		}
	}
	old := &tx{ctx: t.ctx, tx: t.tx, table: t.table, head: t.head, get: t.get}
	t.table, t.get, t.put = renewedTable, nil, nil
	return old, nil
}

// dropOld ends an update. Where it has begun a new generation, the old one goes,
// and the new one moves into the room that it leaves in the file.
func (t *tx) dropOld() error {
	if t.table == valueTable {
		return nil
	}
	for _, statement := range []string{
		`DROP TABLE ` + valueTable,
		`ALTER TABLE ` + renewedTable + ` RENAME TO ` + valueTable,
	} {
		if _, err := t.tx.ExecContext(t.ctx, statement); err != nil {
			return t.translate(err)
		}
	}
	// Each row of the answer is one page that has moved.
	rows, err := t.tx.QueryContext(t.ctx, `PRAGMA incremental_vacuum`)
	if err != nil {
		return t.translate(err)
	}
	defer rows.Close()
	for rows.Next() { // nothing to read
	}
	return t.translate(rows.Err())
}
