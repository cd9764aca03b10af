package postgres

import (
	"context"

	"syncline.dev/syncline"
)

// Repositories returns the repositories that have a catalog, also an empty one.
func (d *Directory) Repositories(ctx context.Context) (all []syncline.ID, err error) {
	err = d.ask(ctx, func(_ int, row [][]byte) error {
		all = append(all, syncline.ID(row[0]))
		return nil
	}, statement{sql: `SELECT repository FROM syncline.catalogs`})
	return all, err
}

// Tidy deletes in the background what crashes have left of deleted and rewritten catalogs.
func (d *Directory) Tidy() { d.tidyUp() }
