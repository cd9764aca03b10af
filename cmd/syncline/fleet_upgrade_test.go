//go:build !windows

package main_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/needtest"
)

// oldCommit is of a program that knows schema oldSchema of PostgreSQL. Programs from it on
// work together. A migration that raises readable_by above oldSchema ends that: then both
// move to the newest commit without it, and CHANGELOG.md tells that all nodes stop first.
const (
	oldCommit = "47be053b"
	oldSchema = 4
)

// oldProgram returns the program of oldCommit. The test's cache keeps it.
func oldProgram(t *testing.T) string {
	t.Helper()
	needtest.Full(t, "a build of an older program")
	cache, err := filepath.Abs(filepath.Join("..", "..", ".cache", "old"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "syncline-"+oldCommit)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	command := func(dir, name string, args ...string) error {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s %s: %s", name, args, out)
		}
		return err
	}
	top := filepath.Join("..", "..")
	if err := command(top, "git", "cat-file", "-e", oldCommit+"^{commit}"); err != nil {
		t.Skipf("the history of this checkout lacks commit %s, as that of a source archive does: %v", oldCommit, err)
	}
	source := t.TempDir()
	made := filepath.Join(source, "syncline")
	err = errors.Join(
		os.MkdirAll(cache, 0o755),
		command(top, "git", "archive", "--output", filepath.Join(source, "source.tar"), oldCommit),
		command(source, "tar", "-xf", "source.tar"),
		command(source, "go", "build", "-o", made, "./cmd/syncline"),
		command(source, "cp", made, path+".part"),
		os.Rename(path+".part", path),
	)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTwoVersions upgrades a fleet node by node while it works: a node of this program
// starts on the database of one of the older program, and both go on. Each reads what the
// other writes, and the catalogs are those of a single process.
func TestTwoVersions(t *testing.T) {
	t.Parallel()
	f := newTroubled(t, 20*time.Millisecond, oldProgram(t), program, program)
	f.programs[0] = program // from its next start on
	for i := range f.nodes {
		f.signIn(i)
	}
	var sources []string
	for s := range 2 {
		sources = append(sources, newRepository(t, 40+60*s, 4))
	}
	f.attach(sources, 3) // with the older program
	db := f.wantReadable(oldSchema)
	older, newer := f.nodes[0], f.nodes[1]
	f.busy(time.Second, -1)
	changeThrough(t, older, newer)
	changeThrough(t, newer, older)
	f.laterKind(db)
	f.busy(time.Second, -1)

	// The older node stops in the middle of its work, and comes back as the newer program.
	_ = older.signal(syscall.SIGTERM)
	f.logs.WriteString(older.output.String())
	f.busy(time.Second, 0)
	f.start(0)
	f.signIn(0)
	f.busy(time.Second, -1)
	f.settle(0)
	f.check(sources)
	for _, n := range append(f.nodes, older) {
		for line := range strings.Lines(n.output.String()) {
			if strings.Contains(line, "level=ERROR") && !strings.Contains(line, unknownKind) {
				t.Errorf("a node logged %s", line)
			}
		}
	}
}

// wantReadable fails unless programs that know a schema may work with the database.
func (f *troubled) wantReadable(schema int) *sql.DB {
	f.t.Helper()
	db, err := sql.Open("pgx", f.database.URL(f.name))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = db.Close() })
	var version, readableBy int
	if err := db.QueryRowContext(f.t.Context(), `SELECT version, readable_by FROM syncline.schema_mark`).Scan(&version, &readableBy); err != nil {
		f.t.Fatal(err)
	}
	f.t.Logf("the schema is %d, readable by %d", version, readableBy)
	if version < schema || readableBy > schema {
		f.t.Errorf("the schema is %d, readable by %d; the older program knows %d", version, readableBy, schema)
	}
	return db
}

const unknownKind = "this version knows no object storage of the kind"

// laterKind has each node look at a storage of a kind that only a later program knows. With
// extensions, without which a node may leave out such a kind, the
// lists are whole, and the session of its repository says what to do.
func (f *troubled) laterKind(db *sql.DB) {
	f.t.Helper()
	change := func(from, to string) {
		f.t.Helper()
		if _, err := db.ExecContext(f.t.Context(), `UPDATE syncline.object_storages SET kind = $2 WHERE name = $1 || $3`, f.repos[0].prefix, to, from); err != nil {
			f.t.Fatal(err)
		}
	}
	var kind string
	if err := db.QueryRowContext(f.t.Context(), `SELECT kind FROM syncline.object_storages WHERE name = $1`, f.repos[0].prefix).Scan(&kind); err != nil {
		f.t.Fatal(err)
	}
	change("", "later")
	defer change("", kind)
	for _, n := range f.nodes {
		for path, want := range map[string]int{"/v6/BackupRepositories": len(f.repos), "/v6/ObjectStorageRepositories?extensions=true": len(f.repos)} {
			var all []json.RawMessage
			n.call("GET", path, nil, 200, &all)
			if len(all) != want {
				f.t.Errorf("%s has %d of %d", path, len(all), want)
			}
		}
		f.until("a session names the kind", func() bool { // one may run that began before
			var s session
			n.call("POST", "/v6/BackupRepositories/"+f.repos[0].id+"/Sync", nil, 200, &s)
			f.until("a session has ended", func() bool {
				n.call("GET", "/v6/RepositorySynchronizeSessions/"+s.ID, nil, 200, &s)
				return s.State != "Synchronizing"
			})
			return strings.Contains(s.Error, unknownKind)
		})
	}
}

// changeThrough makes things through one node, changes them through another, and compares
// what the two tell.
func changeThrough(t *testing.T, a, b *node) {
	t.Helper()
	account := a.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": "someone", "password": "their secret", "description": "of one"})
	b.call("PUT", "/v6/Accounts/"+account, object{"accountType": "amazonS3CompatibleAccount", "userName": "someone", "description": "of the other"}, 200, nil)
	a.call("PUT", "/v6/Accounts/"+account, object{"accountType": "amazonS3CompatibleAccount", "userName": "someone else", "description": "of both"}, 200, nil)
	key := b.add("/v6/EncryptionKeys", 200, object{"password": repoPassword, "description": "of one"})
	for _, path := range []string{"/v6/BackupRepositories", "/v6/ObjectStorageRepositories", "/v6/Accounts", "/v6/EncryptionKeys", "/v6/Users", "/v6/AlarmRules"} {
		var one, other any
		a.call("GET", path, nil, 200, &one)
		b.call("GET", path, nil, 200, &other)
		if what := differs(one, other); what != "" {
			t.Errorf("%s: the nodes tell %s", path, what)
		}
	}
	a.call("DELETE", "/v6/Accounts/"+account, nil, 204, nil)
	b.call("DELETE", "/v6/EncryptionKeys/"+key, nil, 204, nil)
}

// differs says where two answers tell different things. A field that only one of them has
// is none of these places.
func differs(a, b any) string {
	switch one := a.(type) {
	case map[string]any:
		other, ok := b.(map[string]any)
		for name := range one {
			if value, has := other[name]; ok && has && !passing[name] {
				if what := differs(one[name], value); what != "" {
					return name + ": " + what
				}
			}
		}
		if ok {
			return ""
		}
	case []any:
		other, ok := b.([]any)
		for i := range one {
			if ok && len(other) == len(one) {
				if what := differs(one[i], other[i]); what != "" {
					return what
				}
			}
		}
		if ok && len(other) == len(one) {
			return ""
		}
	default:
		if a == b {
			return ""
		}
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) + " and " + string(y)
}

// passing are the fields that change while a repository is worked on.
var passing = map[string]bool{"isOutOfSync": true, "lastCheck": true, "status": true, "sizeBytes": true, "usedSpaceBytes": true}
