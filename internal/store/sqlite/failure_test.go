package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3/database"

	"syncline.dev/syncline"
)

func openTest(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// wantUnavailable also checks that the user's sentence holds no path.
func wantUnavailable(t *testing.T, err error, path, message string) {
	t.Helper()
	if syncline.CodeOf(err) != syncline.CodeUnavailable || syncline.MessageOf(err) != message {
		t.Fatalf("got %v (%s), want %q", err, syncline.CodeOf(err), message)
	}
	if strings.Contains(syncline.MessageOf(err), filepath.Dir(path)) {
		t.Errorf("the message %q holds a path", syncline.MessageOf(err))
	}
}

func TestOddPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?b#c%20d é &mode=memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x?.db")
	s := openTest(t, path)
	if err := s.AddUser(t.Context(), syncline.User{Name: "u"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the database is not at its path: %v", err)
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openTest(t, path)
	if err := s.AddUser(t.Context(), syncline.User{Name: "u"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(name), info.Mode())
		}
	}
}

func TestPragmas(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	for name, db := range map[string]*sql.DB{"write": s.write, "read": s.read} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": busyTimeout,
		} {
			var got string
			if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %q (%v), want %q", name, pragma, got, err, want)
			}
		}
	}
	if _, err := s.read.Exec(`DELETE FROM users`); err == nil {
		t.Error("a reader's connection can write")
	}
}

func TestMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "s.db")
	_, err := Open(t.Context(), path)
	wantUnavailable(t, err, path, msgCannotOpen)
}

func TestFolderInPlaceOfFile(t *testing.T) {
	path := t.TempDir()
	_, err := Open(t.Context(), path)
	wantUnavailable(t, err, path, msgCannotOpen)
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	content := bytes.Repeat([]byte("these are my notes. "), 500)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path)
	wantUnavailable(t, err, path, msgNoDatabase)
	if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
		t.Error("the file was changed")
	}
}

func TestForeignDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE users (name TEXT)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	_, err = Open(t.Context(), path)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "another program's") {
		t.Fatalf("got %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
		t.Error("the file was changed")
	}
}

func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	if _, err := s.write.Exec(`PRAGMA user_version = 1000`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "newer Syncline") {
		t.Fatalf("got %v", err)
	}
}

func TestDamagedDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	for i := range 200 {
		if err := s.AddUser(t.Context(), syncline.User{Name: fmt.Sprint("user ", i), PasswordHash: strings.Repeat("h", 3000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 2; i < len(content); i++ { // not the schema, which comes first
		content[i] ^= 0x5a
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, path)
	_, err = s.Users(t.Context())
	wantUnavailable(t, err, path, msgDamaged)
	wantUnavailable(t, s.AddUser(t.Context(), syncline.User{Name: "new"}), path, msgDamaged)
}

// A full disk is what SQLite reports as SQLITE_FULL; a cap on the file's size
// gives the same code at a moment of the test's choosing.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	ctx := t.Context()
	if err := s.AddUser(ctx, syncline.User{Name: "before", Role: syncline.RoleAdministrator}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.Exec(`PRAGMA max_page_count = 1`); err != nil { // SQLite takes the present size
		t.Fatal(err)
	}
	large := syncline.User{Name: "large", PasswordHash: strings.Repeat("h", 1<<20)}
	wantUnavailable(t, s.AddUser(ctx, large), path, msgFull)
	if _, err := s.User(ctx, "large"); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("the failed write left something: %v", err)
	}
	if _, err := s.User(ctx, "before"); err != nil {
		t.Error(err)
	}
	if _, err := s.write.Exec(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUser(ctx, large); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// One call of a batch that fails undoes itself and no other; a transaction
// that fails as a whole fails every call of it, and leaves nothing behind.
func TestBatch(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	add := func(name string) *writeOp {
		return &writeOp{done: make(chan error, 1), fn: func(ctx context.Context, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, `INSERT INTO users (name, name_key, role, password_hash) VALUES (?, ?, '', '')`, name, name)
			return err
		}}
	}
	refused := errors.New("refused")
	failing := add("B")
	write := failing.fn
	failing.fn = func(ctx context.Context, conn *sql.Conn) error {
		return errors.Join(refused, write(ctx, conn))
	}
	batch := []*writeOp{add("A"), failing, add("C")}
	s.runBatch(batch)
	for i, want := range []error{nil, refused, nil} {
		if err := <-batch[i].done; !errors.Is(err, want) {
			t.Errorf("call %d: got %v, want %v", i, err, want)
		}
	}
	// The first is what SQLite does by itself on a full disk: the transaction
	// ends there. The second one leaves it open, and unfit to be committed.
	for _, statement := range []string{`ROLLBACK`, `RELEASE call`} {
		ending := &writeOp{done: make(chan error, 1), fn: func(ctx context.Context, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, statement)
			return err
		}}
		batch = []*writeOp{add("D"), ending, add("E")}
		s.runBatch(batch)
		for i, op := range batch {
			if err := <-op.done; err == nil {
				t.Errorf("%s: call %d of a failed transaction passed for written", statement, i)
			}
		}
	}
	if err := s.AddUser(t.Context(), syncline.User{Name: "F"}); err != nil {
		t.Fatal(err)
	}
	users, err := s.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, u := range users {
		names += u.Name
	}
	if names != "ACF" {
		t.Errorf("the users are %q, want A, C and F", names)
	}
}

// A reader neither waits for an open write transaction nor sees it.
func TestReadDuringWrite(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	inside, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.update(context.Background(), "test", func(ctx context.Context, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, `INSERT INTO users (name, name_key, role, password_hash) VALUES ('u', 'u', '', '')`)
			close(inside)
			<-release
			return err
		})
	}()
	<-inside
	users, err := s.Users(t.Context())
	if err != nil || len(users) != 0 {
		t.Errorf("got %v, %v", users, err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if users, err := s.Users(t.Context()); err != nil || len(users) != 1 {
		t.Errorf("afterwards: %v, %v", users, err)
	}
}

func TestHeldByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, other := openTest(t, path), openTest(t, path)
	conn, err := other.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.Exec(`PRAGMA busy_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, s.AddUser(t.Context(), syncline.User{Name: "u"}), path, msgBusy)
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUser(t.Context(), syncline.User{Name: "u"}); err != nil {
		t.Error(err)
	}
}

// A migration that fails leaves nothing of itself.
func TestMigrationIsAllOrNothing(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	id, err := s.InstallationID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known, err := migrationFiles()
	if err != nil {
		t.Fatal(err)
	}
	_, latest, err := newProvider(s.write, known)
	if err != nil {
		t.Fatal(err)
	}
	files, next := fstest.MapFS{}, fmt.Sprintf("%04d_next.sql", latest+1)
	for version := range latest {
		files[fmt.Sprintf("%04d_known.sql", version+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\nnot run, the database has it;\n")}
	}
	files[next] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE two (x); CREATE TABLE two (x);\n")}
	if err := initialize(t.Context(), s.write, files); err == nil {
		t.Fatal("a wrong migration passed")
	}
	files[next] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE two (x);\n")}
	if err := initialize(t.Context(), s.write, files); err != nil { // which it could not, had the first try left its table
		t.Fatal(err)
	}
	var version int64
	if err := s.write.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil || version != latest+1 {
		t.Errorf("version %d, %v", version, err)
	}
	if again, err := s.InstallationID(t.Context()); err != nil || again != id {
		t.Errorf("the installation's id became %q (%v)", again, err)
	}
}

// A migration is refused when another process has applied it meanwhile.
func TestMigrationThatWasOvertaken(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	var version int64
	if err := s.write.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	for _, odd := range []int64{version, version + 2} {
		if err := (versions{}).Insert(t.Context(), s.write, database.InsertRequest{Version: odd}); err == nil {
			t.Errorf("a schema of version %d was marked as version %d", version, odd)
		}
	}
}

// A full disk is told as such by a migration, so that the spare room is given up for it.
func TestFullDiskDuringUpgrade(t *testing.T) {
	path := writeOld(t, 5, `
		INSERT INTO repositories (id, name, name_key, description, path, retention_type, retention_period_type, retention_yearly, out_of_sync)
			VALUES ('r', 'One', 'one', '', '/1', '', '', '', 0);
		INSERT INTO restore_jobs (id, repository_seq, restore_point_id, snapshot_id, started_by, target_path, selection, state, error)
			VALUES ('j', 1, 'p', x'07', 'ada', '/t', '{}', 'failed', hex(zeroblob(1000000)))`)
	db, err := openPool(path, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`PRAGMA max_page_count = 1`); err != nil { // SQLite takes the present size
		t.Fatal(err)
	}
	files, err := migrationFiles()
	if err != nil {
		t.Fatal(err)
	}
	err = initialize(t.Context(), db, files)
	if wantUnavailable(t, err, path, msgFull); !errors.Is(err, errRoom) {
		t.Errorf("got %v", err)
	}
	var version int
	if err := db.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil || version != 5 {
		t.Errorf("the schema has version %d, %v", version, err)
	}
}

// Two processes bring the same database up to date at once.
func TestUpgradeTwiceAtOnce(t *testing.T) {
	path := writeOld(t, 1, ``)
	results := make(chan error, 4)
	for range cap(results) {
		go func() {
			s, err := Open(context.Background(), path)
			if err == nil {
				_, err = s.Users(context.Background())
				err = errors.Join(err, s.Close())
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// writeOld makes a database as the program wrote it at that version of the schema,
// and runs the statements in it.
func writeOld(t *testing.T, version int64, statements string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s.db")
	if err := prepareFile(path); err != nil {
		t.Fatal(err)
	}
	files, err := migrationFiles()
	if err != nil {
		t.Fatal(err)
	}
	db, err := openPool(path, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := newProvider(db, files)
	if err == nil {
		_, err = p.UpTo(t.Context(), version)
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), statements)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUpgrade opens a database that the first version has written.
func TestUpgrade(t *testing.T) {
	s := openTest(t, writeOld(t, 1, `
		INSERT INTO encryption_keys (id, description, sealed) VALUES ('k', 'd', x'01');
		INSERT INTO repositories (id, name, name_key, description, path, object_storage_id, encryption_key_id,
			retention_type, retention_period_type, retention_yearly, out_of_sync)
			VALUES ('r', 'Name', 'name', 'd', '/path', '', 'k', 'ItemLevel', '', '', 1);
		INSERT INTO sessions (id, repository_seq, state) SELECT 's', seq, 'succeeded' FROM repositories`))
	got, err := s.Repositories(t.Context())
	want := syncline.Repository{
		ID: "r", Name: "Name", Description: "d", Path: "/path", EncryptionKeyID: "k",
		Retention: syncline.Retention{Type: "ItemLevel"}, OutOfSync: true,
	}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if w, err := s.Work(t.Context(), syncline.WorkSynchronize, "s"); err != nil || w.RepositoryID != "r" || w.State != syncline.WorkSucceeded {
		t.Errorf("got %+v, %v", w, err)
	}
}

func TestCloseAnswersEveryWriter(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "s.db"))
	results := make(chan error, 20)
	for i := range cap(results) {
		go func() {
			results <- s.AddUser(context.Background(), syncline.User{Name: fmt.Sprint(i), CreatedAt: time.Unix(1, 0)})
		}()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(results) {
		if err := <-results; err != nil && !errors.Is(err, errClosed) {
			t.Error(err)
		}
	}
}
