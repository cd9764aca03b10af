package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store/postgres"
)

// databaseWithUser returns a database of a fleet with one user.
func databaseWithUser(t *testing.T, name string) (url string) {
	t.Helper()
	url = pgtest.New(t)
	s, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.AddUser(t.Context(), syncline.User{Name: name, Role: syncline.RoleAdministrator, CreatedAt: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	return url
}

// The configuration file of a node names its database to the commands that work on it, too.
// Other settings of the file are none of theirs.
func TestDatabaseOfTheFile(t *testing.T) {
	t.Parallel()
	first, second := databaseWithUser(t, "ada"), databaseWithUser(t, "bob")
	folder := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	data := filepath.Join(folder, "data")
	file := write("node.yaml", "data: "+data+"\ndatabase: "+first+"\ntls-cert: /none/cert.pem\ntls-key: /none/key.pem\n")
	byFile := write("second.yaml", "database-file: "+write("url", second+"\n")+"\n")
	broken := write("broken.yaml", "databse: "+first+"\n")
	config, both := []string{"SYNCLINE_CONFIG=" + file}, []string{"SYNCLINE_CONFIG=" + file, "SYNCLINE_DATABASE=" + second}
	for what, c := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"by the flag":                     {nil, []string{"user", "list", "--config", file}, 0, "ada"},
		"by the variable":                 {config, []string{"user", "list"}, 0, "ada"},
		"another file":                    {config, []string{"user", "list", "--config", byFile}, 0, "bob"},
		"a flag before the file":          {config, []string{"user", "list", "--database", second}, 0, "bob"},
		"a variable before the file":      {both, []string{"user", "list"}, 0, "bob"},
		"a variable before a file's file": {[]string{"SYNCLINE_DATABASE=" + first}, []string{"user", "list", "--config", byFile}, 0, "ada"},
		"with a directory":                {config, []string{"user", "list", "--data", folder}, 1, "node.yaml:2 names a database, and --data a directory"},
		"a wrong file":                    {nil, []string{"user", "list", "--config", broken}, 1, `there is no setting "databse"`},
		"no file":                         {nil, []string{"user", "list", "--config", filepath.Join(folder, "none")}, 1, "cannot be read"},
		"a migration":                     {config, []string{"migrate-database"}, 1, "there is no server's data in " + data},
		"a migration by a wrong file":     {nil, []string{"migrate-database", "--config", broken}, 1, `there is no setting "databse"`},
		"a migration back":                {config, []string{"migrate-database", "--back"}, 1, "the key"},
	} {
		got := runProgram(t, c.env, c.args...)
		if got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.says) {
			t.Errorf("%s: %d %s%s, and not %s", what, got.code, got.stdout, got.stderr, c.says)
		}
	}
}
