package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
)

// errReadOnly refuses writes to a database that is open for reading.
var errReadOnly = syncline.Errorf(syncline.CodeUnsupported, "the server's database is open for reading only")

// OpenReadOnly opens the existing database at path for reading. It brings no schema up
// to date, and changes neither the database nor its mark, whether a server uses it or
// not. Version and Latest tell whether this program knows the schema: the other
// methods expect the latest one.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, syncline.Errorf(syncline.CodeNotFound, "there is no database of a server, or an empty one")
	}
	// A file without its log has no other user. SQLite would make an empty log beside
	// it, and so would hide that the log is missing.
	missing, err := logIsMissing(path)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	db, err := openPool(path, readers, func(q url.Values) {
		q.Set("mode", "ro")
		q.Del("_txlock")
		q.Del("_pragma") // it would write
		q.Add("_pragma", "trusted_schema(0)")
		if missing {
			q.Set("immutable", "1")
		}
	})
	if err != nil {
		return nil, err
	}
	stopped := make(chan struct{})
	close(stopped)
	s := &Store{path: path, read: db, closing: make(chan struct{}), stopped: stopped}
	s.Store = relational.New(engine{s}, relational.Options{Dialect: dialect, Writes: s.writes.Load})
	files, err := migrationFiles()
	if err == nil {
		_, s.latestVersion, err = newProvider(db, files)
	}
	if err == nil {
		s.version, err = usableVersion(ctx, db, s.latestVersion)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Version returns the version of the schema, and the latest one that this program
// knows.
func (s *Store) Version() (version, latest int64) { return s.version, s.latestVersion }

// Size returns the bytes of the database's file and of its write-ahead log.
func (s *Store) Size() (file, log int64) {
	for suffix, n := range map[string]*int64{"": &file, logSuffix: &log} {
		if info, err := os.Stat(s.path + suffix); err == nil {
			*n = info.Size()
		}
	}
	return file, log
}

// problems bounds how many problems Check returns.
const problems = 10

// Check reads the whole database and returns what is wrong with it, up to ten
// sentences in SQLite's words.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	found, err := scanAll(ctx, s, "check the database", scanText, fmt.Sprintf(`PRAGMA quick_check(%d)`, problems))
	if err != nil {
		return nil, err
	}
	if len(found) == 1 && found[0] == "ok" {
		found = nil
	}
	dangling, err := scanAll(ctx, s, "check the database", scanText,
		`SELECT DISTINCT "table" || ' refers to missing rows of ' || parent FROM pragma_foreign_key_check LIMIT ?`, problems)
	return append(found, dangling...), err
}

// scanAll reads all rows.
func scanAll[T any](ctx context.Context, s *Store, doing string, scan func(relational.Row) (T, error), query string, args ...any) (all []T, err error) {
	q, err := engine{s}.Reader()
	if err != nil {
		return nil, err
	}
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, engine{s}.Translate(err, doing)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, engine{s}.Translate(err, doing)
		}
		all = append(all, v)
	}
	return all, engine{s}.Translate(rows.Err(), doing)
}

func scanText(r relational.Row) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}

// SealedSecrets returns all sealed secrets. A secret is the column "sealed" of a table,
// and is bound to the column "id". A row without a secret has NULL or no bytes there.
func (s *Store) SealedSecrets(ctx context.Context) ([]store.SealedSecret, error) {
	tables, err := scanAll(ctx, s, "list the tables with secrets", scanText,
		`SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'sealed' ORDER BY m.name`)
	if err != nil {
		return nil, err
	}
	var all []store.SealedSecret
	for _, table := range tables {
		quoted := `"` + table + `"` // a name of ours
		list, err := scanAll(ctx, s, "list the secrets", func(r relational.Row) (x store.SealedSecret, err error) {
			x.Table = table
			err = r.Scan(&x.ID, &x.Sealed)
			return x, err
		}, `SELECT id, sealed FROM `+quoted+` WHERE length(sealed) > 0 ORDER BY rowid`)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// CopyTo writes a copy of the database as it is at this moment to a new file, with mode
// 0600. The copy is complete by itself and at rest. Writers go on meanwhile.
func (s *Store) CopyTo(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite takes an empty file
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the copy of the database cannot be written to %s; check the rights and the free space there", filepath.Dir(path))
	}
	db, err := s.reader()
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		if isFull(err) {
			return syncline.WrapError(syncline.CodeUnavailable, err, "the disk is full; the copy of the database needs room in %s", filepath.Dir(path))
		}
		return engine{s}.Translate(err, "copy the database")
	}
	h, err := readHead(path)
	if err == nil && (!h.ours || h.log) {
		err = errors.New("the copy is not at rest")
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeInternal, err, "the copy of the database cannot be used")
	}
	return nil
}

// closeReader closes a store that is open for reading only.
func closeReader(db *sql.DB) error {
	if err := db.Close(); err != nil {
		return translate(err, "close the database")
	}
	return nil
}
