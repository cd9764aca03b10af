package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"syncline.dev/syncline"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrationFiles are the program's migrations; their names begin with the version
// that they lead to.
func migrationFiles() (fs.FS, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the program's migrations cannot be read")
	}
	return files, nil
}

// applicationID marks a SQLite file as this program's; it is "Sync" in ASCII.
const applicationID = 0x53796e63

// initialize makes sure that the file is ours, turns the write-ahead log on
// and brings the schema up to date. A file that is not ours stays untouched.
func initialize(ctx context.Context, db *sql.DB, files fs.FS) error {
	migrations, latest, err := newProvider(db, files)
	if err != nil {
		return err
	}
	version, err := usableVersion(ctx, db, latest)
	if err != nil {
		return err
	}
	if err := useLog(ctx, db); err != nil {
		return err
	}
	for version < latest {
		_, failure := migrations.UpTo(ctx, latest)
		if failure == nil {
			settle(ctx, db)
			return nil
		}
		// Another process that migrates the same file makes a migration of this one
		// fail. The attempts go on as long as the version of the schema rises.
		reached, err := usableVersion(ctx, db, latest)
		if err != nil {
			return err
		}
		if reached == version {
			return translate(failure, fmt.Sprintf("bring the schema up to date from version %d", version))
		}
		version = reached
	}
	return nil
}

// newProvider returns what applies the migrations in files, and the version that the
// last one leads to.
func newProvider(db *sql.DB, files fs.FS) (p *goose.Provider, latest int64, err error) {
	p, err = goose.NewProvider(goose.DialectCustom, db, files, goose.WithStore(versions{}), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, 0, syncline.WrapError(syncline.CodeInternal, err, "the program's migrations cannot be read")
	}
	sources := p.ListSources() // in ascending order, and never empty
	return p, sources[len(sources)-1].Version, nil
}

// usableVersion returns the version of the schema, 0 for an empty file. A file of
// another program or of a newer Syncline is an error.
func usableVersion(ctx context.Context, db *sql.DB, latest int64) (int64, error) {
	var application, version, objects int64
	err := db.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).
		Scan(&application, &version, &objects)
	if err != nil {
		return 0, translate(err, "read the schema's version")
	}
	if application != applicationID && (objects > 0 || version != 0) {
		return 0, syncline.Errorf(syncline.CodeUnavailable,
			"the file in the place of the server's database is another program's; move it away or choose another data directory")
	}
	if version > latest {
		return 0, syncline.WrapError(syncline.CodeUnavailable, fmt.Errorf("schema version %d, this program knows %d", version, latest),
			"the server's database was written by a newer Syncline; install that version or a later one")
	}
	return version, nil
}
