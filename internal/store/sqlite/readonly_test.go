package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// readOnly opens a database for reading until the test ends.
func readOnly(t *testing.T, path string) *Store {
	t.Helper()
	s, err := OpenReadOnly(t.Context(), path)
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

// names returns the names of the files in a folder.
func names(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all += e.Name() + " "
	}
	return all
}

// A copy has everything that was written before it, whether the database is open, at
// rest or as a crash left it, and the database stays as it is.
func TestCopyTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	addUsers(t, s, "a")
	if err := s.AddKey(t.Context(), syncline.EncryptionKey{ID: "k", CreatedAt: time.Now()}, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	for name, sealed := range map[string][]byte{"none": nil, "no bytes": {}} { // channels without a secret
		if err := s.AddChannel(t.Context(), syncline.Channel{ID: newID(), Name: name, Kind: syncline.ChannelAlertmanager, CreatedAt: time.Now()}, sealed, 10); err != nil {
			t.Fatal(err)
		}
	}
	crashed, lost := filepath.Join(t.TempDir(), "s.db"), filepath.Join(t.TempDir(), "s.db")
	copyFile(t, path, lost)
	copyFile(t, path, crashed)
	copyFile(t, path+logSuffix, crashed+logSuffix)
	check := func(name, path, want string) {
		t.Helper()
		before := names(t, filepath.Dir(path))
		r := readOnly(t, path)
		to := filepath.Join(t.TempDir(), "copy.db")
		if err := r.CopyTo(t.Context(), to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := r.CopyTo(t.Context(), to); err == nil {
			t.Errorf("%s: a copy went over another one", name)
		}
		if found, err := r.Check(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("%s: %q, %v", name, found, err)
		}
		if err := r.AddUser(t.Context(), syncline.User{Name: "x"}); syncline.CodeOf(err) != syncline.CodeUnsupported {
			t.Errorf("%s: a write: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if after := strings.ReplaceAll(names(t, filepath.Dir(path)), "s.db-shm ", ""); after != strings.ReplaceAll(before, "s.db-shm ", "") {
			t.Errorf("%s: the files %q became %q", name, before, after)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if got, incomplete := users(t, to); got != want || incomplete {
			t.Errorf("%s: the copy has the users %q, incomplete: %v", name, got, incomplete)
		}
	}
	check("open", path, "a")
	addUsers(t, s, "b") // the copy did not stop the writer
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("at rest", path, "ab")
	check("crashed", crashed, "a")
	check("without its log", lost, "")
	if found, err := Incomplete(lost); err != nil || !found {
		t.Errorf("after a copy, the database counts as complete (%v)", err)
	}
	// A channel without a secret has nothing that a key could open.
	s = openTest(t, path)
	if err := s.AddChannel(t.Context(), syncline.Channel{ID: newID(), Name: "mail", Kind: syncline.ChannelEmail, CreatedAt: time.Now()}, []byte{}, 10); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := readOnly(t, path)
	secrets, err := r.SealedSecrets(t.Context())
	if err != nil || len(secrets) != 1 || secrets[0].ID != "k" || secrets[0].Table != "encryption_keys" || string(secrets[0].Sealed) != "sealed" {
		t.Errorf("the secrets are %+v, %v", secrets, err)
	}
	if version, latest := r.Version(); version != latest || version < markedSince {
		t.Errorf("the versions are %d and %d", version, latest)
	}
}

// Damage is found, and a file that is no database of ours is refused.
func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTest(t, path)
	for range 50 {
		if err := s.AddUser(t.Context(), syncline.User{Name: string(newID()), PasswordHash: strings.Repeat("h", 500)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.write.Exec(`PRAGMA foreign_keys = 0; INSERT INTO token_families (id, user_seq) VALUES ('f', 999)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := readOnly(t, path).Check(t.Context())
	if err != nil || len(found) != 1 || !strings.Contains(found[0], "token_families") {
		t.Errorf("found %q, %v", found, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(b) - 3*4096; i < len(b); i += 4096 { // pages of the users, which come last
		b[i] = 0xff
	}
	damaged := filepath.Join(t.TempDir(), "s.db")
	if err := os.WriteFile(damaged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := readOnly(t, damaged).Check(t.Context()); syncline.MessageOf(err) != msgDamaged && len(found) < 2 {
		t.Errorf("found %q", found)
	}
	for content, want := range map[string]syncline.Code{"": syncline.CodeNotFound, strings.Repeat("text", 2000): syncline.CodeUnavailable} {
		other := filepath.Join(t.TempDir(), "s.db")
		if err := os.WriteFile(other, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := OpenReadOnly(t.Context(), other); syncline.CodeOf(err) != want {
			t.Errorf("%.10q: %v, %v", content, s, err)
		}
	}
}
