package relational

import (
	"context"
	"database/sql"
	"errors"
	"slices"

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
	names, err := queryAll(ctx, s, "list the files of declarations", func(r Row) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, query)
	slices.Sort(names)
	return names, err
}

// Release implements store.Managers.
func (s *Store) Release(ctx context.Context, name string) error {
	return s.update(ctx, Write{Doing: "release what a file declares", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var released int64
		for _, table := range managedTables {
			n, err := tx.Exec(ctx, "UPDATE "+table+" SET managed_by = '' WHERE managed_by = ? AND managed_by <> ''", name)
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

// keepsManager fails for a change that would take a record from the file that declares it.
// Only Release does that. So a change that began before the file declared the record, and
// comes later, undoes nothing.
func keepsManager(ctx context.Context, tx Tx, table, column, key, by string) error {
	var has string
	err := tx.QueryRow(ctx, "SELECT managed_by FROM "+table+" WHERE "+column+" = ?", key).Scan(&has)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // the change says that it is not there
	}
	if err == nil && has != "" && has != by {
		return syncline.Errorf(syncline.CodeConflict, "the file %q declares this by now; look at it and send the change again", has)
	}
	return err
}

// InstallationID implements store.Instance.
func (s *Store) InstallationID(ctx context.Context) (syncline.ID, error) {
	return queryOne(ctx, s, "read the installation's id", nil, func(r Row) (id syncline.ID, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT installation_id FROM instance`)
}

// KeyCheck implements store.Instance.
func (s *Store) KeyCheck(ctx context.Context, offered []byte) ([]byte, error) {
	const doing = "compare the key"
	kept, err := s.keyCheck(ctx, doing)
	if err != nil || kept != nil {
		return kept, err
	}
	err = s.update(ctx, Write{Doing: doing, Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `UPDATE instance SET key_check = ? WHERE key_check IS NULL`, offered)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.keyCheck(ctx, doing)
}

func (s *Store) keyCheck(ctx context.Context, doing string) ([]byte, error) {
	return queryOne(ctx, s, doing, nil, func(r Row) (kept []byte, err error) {
		err = r.Scan(&kept)
		return kept, err
	}, `SELECT key_check FROM instance`)
}
