package sqlite

import (
	"context"
	"database/sql"

	"syncline.dev/syncline"
)

// managedTables have the column managed_by.
var managedTables = []string{"repositories", "encryption_keys", "accounts", "object_storages", "users", "alarm_rules"}

// Managers implements store.Managers.
func (s *Store) Managers(ctx context.Context) ([]string, error) {
	query := ""
	for i, table := range managedTables {
		if i > 0 {
			query += " UNION "
		}
		query += "SELECT managed_by FROM " + table + " WHERE managed_by <> ''"
	}
	return queryAll(ctx, s, "list the files of declarations", func(r row) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, query+" ORDER BY 1")
}

// Release implements store.Managers.
func (s *Store) Release(ctx context.Context, name string) error {
	return s.update(ctx, "release what a file declares", func(ctx context.Context, conn *sql.Conn) error {
		var released int64
		for _, table := range managedTables {
			done, err := conn.ExecContext(ctx, "UPDATE "+table+" SET managed_by = '' WHERE managed_by = ? AND managed_by <> ''", name)
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			released += n
		}
		if released == 0 {
			return syncline.Errorf(syncline.CodeNotFound, "there is no file %q that declares anything", name)
		}
		return nil
	})
}
