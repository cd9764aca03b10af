package sqlite

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3/database"
)

// versions is the place where goose keeps the version of the schema: SQLite's
// user_version, a number in the file's head that changes with the transaction of the
// migration. So the version can be judged before anything is written to the file.
//
// goose takes no lock between processes on SQLite. A migration is therefore refused,
// in its own transaction, when the schema is not at the version before it.
type versions struct{}

var _ database.StoreExtender = versions{}

// Tablename implements database.Store. There is no table.
func (versions) Tablename() string { return "user_version" }

// TableExists implements database.StoreExtender: every file has the number.
func (versions) TableExists(context.Context, database.DBTxConn) (bool, error) { return true, nil }

// CreateVersionTable implements database.Store.
func (versions) CreateVersionTable(context.Context, database.DBTxConn) error { return nil }

// Insert implements database.Store. The first version also marks the file as ours and
// gives the installation its id.
func (v versions) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	version, err := v.GetLatestVersion(ctx, db)
	if err != nil {
		return err
	}
	if req.Version != version+1 {
		return fmt.Errorf("a migration to version %d of a schema that has version %d", req.Version, version)
	}
	mark := fmt.Sprintf(`PRAGMA user_version = %d`, req.Version)
	if req.Version == 1 {
		if _, err := db.ExecContext(ctx, `INSERT INTO instance (one, installation_id) VALUES (1, ?)`, newID()); err != nil {
			return err
		}
		mark += fmt.Sprintf(`; PRAGMA application_id = %d`, applicationID)
	}
	_, err = db.ExecContext(ctx, mark)
	return err
}

// Delete implements database.Store. No migration is taken back.
func (versions) Delete(context.Context, database.DBTxConn, int64) error {
	return database.ErrNotImplemented
}

// GetMigration implements database.Store.
func (v versions) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	latest, err := v.GetLatestVersion(ctx, db)
	if err != nil {
		return nil, err
	}
	if version > latest {
		return nil, database.ErrVersionNotFound
	}
	return &database.GetMigrationResult{IsApplied: true}, nil
}

// GetLatestVersion implements database.Store.
func (versions) GetLatestVersion(ctx context.Context, db database.DBTxConn) (version int64, err error) {
	err = db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version)
	return version, err
}

// ListMigrations implements database.Store. Version 0 is the empty file.
func (v versions) ListMigrations(ctx context.Context, db database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	latest, err := v.GetLatestVersion(ctx, db)
	if err != nil {
		return nil, err
	}
	list := make([]*database.ListMigrationsResult, 0, latest+1)
	for version := latest; version >= 0; version-- {
		list = append(list, &database.ListMigrationsResult{Version: version, IsApplied: true})
	}
	return list, nil
}
