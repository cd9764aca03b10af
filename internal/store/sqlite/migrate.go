package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"syncline.dev/syncline"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a SQLite file as this program's; it is "Sync" in ASCII.
const applicationID = 0x53796e63

// initialize makes sure that the file is ours, turns the write-ahead log on
// and brings the schema up to date. A file that is not ours stays untouched.
func initialize(ctx context.Context, db *sql.DB) error {
	migrations, err := loadMigrations(migrationFiles)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return translate(err, "open the database")
	}
	defer conn.Close()

	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(migrations) {
		return errNewer(version, len(migrations))
	}
	var mode string
	if err := conn.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode); err != nil {
		return translate(err, "turn the write-ahead log on")
	}
	if mode != "wal" {
		return syncline.Errorf(syncline.CodeUnavailable,
			"the file system of the data directory cannot hold the server's database; use a local disk")
	}
	if version == len(migrations) {
		return nil
	}
	return migrate(ctx, conn, migrations)
}

// loadMigrations returns the files' texts; the first one leads to version 1.
func loadMigrations(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the program's migrations cannot be read")
	}
	texts := make([]string, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeInternal, err, "the program's migrations cannot be read")
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// schemaVersion returns the schema's version, 0 for an empty file.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var application, version, objects int
	err := conn.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).
		Scan(&application, &version, &objects)
	if err != nil {
		return 0, translate(err, "read the schema's version")
	}
	if application != applicationID && (objects > 0 || version != 0) {
		return 0, syncline.Errorf(syncline.CodeUnavailable,
			"the file in the place of the server's database is another program's; move it away or choose another data directory")
	}
	return version, nil
}

// migrate applies what is missing, all or nothing. The version is read again
// under the write lock, since another process may have been faster.
func migrate(ctx context.Context, conn *sql.Conn, migrations []string) (err error) {
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return translate(err, "begin the migration")
	}
	defer func() {
		if err != nil {
			discard(conn)
		}
	}()
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(migrations) {
		return errNewer(version, len(migrations))
	}
	for i := version; i < len(migrations); i++ {
		if _, err := conn.ExecContext(ctx, migrations[i]); err != nil {
			return translate(err, fmt.Sprintf("apply migration %d", i+1))
		}
	}
	if version == 0 {
		if _, err := conn.ExecContext(ctx, `INSERT INTO instance (one, installation_id) VALUES (1, ?)`, newID()); err != nil {
			return translate(err, "make the installation's id")
		}
	}
	mark := fmt.Sprintf(`PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT`, len(migrations), applicationID)
	if _, err := conn.ExecContext(ctx, mark); err != nil {
		return translate(err, "commit the migration")
	}
	return nil
}

func errNewer(found, known int) error {
	return syncline.WrapError(syncline.CodeUnavailable, fmt.Errorf("schema version %d, this program knows %d", found, known),
		"the server's database was written by a newer Syncline; install that version or a later one")
}
