package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// copyFile copies one file as it is.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// addUsers adds users with these names.
func addUsers(t *testing.T, s *Store, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := s.AddUser(t.Context(), syncline.User{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
}

// users returns the names of a database's users, and whether the database counts as
// incomplete while it is open.
func users(t *testing.T, path string) (names string, incomplete bool) {
	t.Helper()
	s := openTest(t, path)
	list, err := s.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range list {
		names += u.Name
	}
	incomplete = s.Incomplete()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return names, incomplete
}

// A copy of the file alone, taken while the database is open, is noticed until
// somebody removes the record. A copy of a database at rest is complete, and so is
// one with its log.
func TestCopyWithoutLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	addUsers(t, s, "a", "b")
	alone, whole := filepath.Join(t.TempDir(), "s.db"), filepath.Join(t.TempDir(), "s.db")
	copyFile(t, path, alone)
	copyFile(t, path, whole)
	copyFile(t, path+logSuffix, whole+logSuffix)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(t, path+logSuffix) {
		t.Error("a closed database has a log")
	}
	rested := filepath.Join(t.TempDir(), "s.db")
	copyFile(t, path, rested)
	for name, p := range map[string]string{"the database": path, "a copy at rest": rested, "a copy with the log": whole} {
		for range 2 {
			if names, incomplete := users(t, p); names != "ab" || incomplete {
				t.Errorf("%s has the users %q, incomplete: %v", name, names, incomplete)
			}
		}
	}

	if names, incomplete := users(t, alone); names != "" || !incomplete {
		t.Errorf("a copy of a new database has the users %q, incomplete: %v", names, incomplete)
	}
	if err := os.Remove(alone + incompleteSuffix); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, path)
	addUsers(t, s, "c")
	copyFile(t, path, alone)
	for range 3 { // the record outlives a close
		if found, err := Incomplete(alone); err != nil || !found {
			t.Errorf("the copy counts as complete (%v)", err)
		}
		if names, incomplete := users(t, alone); names != "ab" || !incomplete {
			t.Errorf("the copy has the users %q, incomplete: %v", names, incomplete)
		}
	}
	if text, err := os.ReadFile(alone + incompleteSuffix); err != nil || !strings.Contains(string(text), "write-ahead log") {
		t.Errorf("the record says %q, %v", text, err)
	}
	if err := os.Remove(alone + incompleteSuffix); err != nil {
		t.Fatal(err)
	}
	if _, incomplete := users(t, alone); incomplete {
		t.Error("the removed record has no effect")
	}
}

// A program that crashed leaves mark and log, and nothing is missing.
func TestCrashIsNoCopy(t *testing.T) {
	path, crashed := filepath.Join(t.TempDir(), "s.db"), filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, path)
	addUsers(t, s, "a")
	copyFile(t, path, crashed)
	copyFile(t, path+logSuffix, crashed+logSuffix) // as a crash leaves them
	if names, incomplete := users(t, crashed); names != "a" || incomplete {
		t.Errorf("the users are %q, incomplete: %v", names, incomplete)
	}
}

// The last one that closes sets the database to rest, whoever it is, and none before.
func TestLastToClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	first, second := openTest(t, path), openTest(t, path)
	addUsers(t, first, "a")
	addUsers(t, second, "b")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if h, err := readHead(path); err != nil || !h.ours || !h.log || !exists(t, path+logSuffix) {
		t.Errorf("an open database is at rest: %+v, %v", h, err)
	}
	addUsers(t, second, "c")
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if h, err := readHead(path); err != nil || !h.ours || h.log || exists(t, path+logSuffix) {
		t.Errorf("the database is not at rest: %+v, %v", h, err)
	}
	if names, incomplete := users(t, path); names != "abc" || incomplete {
		t.Errorf("the users are %q, incomplete: %v", names, incomplete)
	}
}

// Many open and close the database at once. Nobody fails, nothing is lost, and nobody
// takes the others' work for a copy.
func TestOpenAndCloseAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	results := make(chan error, 8)
	for i := range cap(results) {
		go func() {
			results <- func() error {
				for range 4 {
					s, err := Open(t.Context(), path)
					if err != nil {
						return err
					}
					err = s.AddUser(t.Context(), syncline.User{Name: string(rune('a' + i))})
					if i := s.Incomplete(); i {
						err = errors.Join(err, errors.New("the database counts as incomplete"))
					}
					if err := errors.Join(err, s.Close()); err != nil && syncline.CodeOf(err) != syncline.CodeConflict {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if names, incomplete := users(t, path); len(names) != cap(results) || incomplete {
		t.Errorf("the users are %q, incomplete: %v", names, incomplete)
	}
}

// A close that cannot set the mark leaves a log, so the next opening does not warn.
func TestCloseWithoutRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	addUsers(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := openPool(path, 1, nil)
	if err == nil {
		err = useLog(t.Context(), db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if missing, err := logIsMissing(path); err != nil || !missing {
		t.Fatalf("the mark is not set: %v", err)
	}
	keepLog(path)
	if names, incomplete := users(t, path); names != "a" || incomplete {
		t.Errorf("the users are %q, incomplete: %v", names, incomplete)
	}
}

// Programs before the mark closed their databases in the same state as a copy.
func TestMarkOfOldPrograms(t *testing.T) {
	path := writeOld(t, markedSince-1, ``)
	db, err := openPool(path, 1, nil)
	if err == nil {
		err = useLog(t.Context(), db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, incomplete := users(t, path); incomplete {
			t.Error("an old database counts as incomplete")
		}
	}
	names, err := fs.Glob(embedded, "migrations/*_work_by_user.sql")
	if err != nil || len(names) != 1 || names[0] != fmt.Sprintf("migrations/%04d_work_by_user.sql", markedSince) {
		t.Errorf("the mark is judged from version %d on, and %q came with it", markedSince, names)
	}
}
