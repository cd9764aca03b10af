package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// inPath makes a recorded rclone the one that servers of the test run, with a
// configuration. It writes down its arguments and its environment.
func inPath(t *testing.T, remotes map[string][]string) recorded {
	t.Helper()
	r := recordRclone(t)
	r.write(t, r.record())
	t.Setenv("PATH", filepath.Dir(r.path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("RCLONE_CONFIG", servers.RcloneConfig(t, remotes))
	return r
}

func (r recorded) record() string {
	return `echo "$@" >>"$0.args"; env >>"$0.env"; exec '` + r.real + `' "$@"`
}

// lines returns what was written down under a name.
func (r recorded) lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(r.path + "." + name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestRcloneOnServer attaches remotes that the operator has allowed. The server runs rclone
// with its own arguments and few variables, starts it again, and leaves none behind.
func TestRcloneOnServer(t *testing.T) {
	repo, _, source := twoSnapshots(t)
	far := servers.StartS3(t)
	far.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, repo))
	rclone := inPath(t, map[string][]string{
		"a disk": {"type = alias", "remote = " + filepath.Dir(repo)}, "far": far.RcloneRemote(),
	})
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not for programs")
	flags := []string{"--allow-rclone-remote", "a disk", "--allow-rclone-remote", "far"}
	for remote, folder := range map[string]string{"a disk": filepath.Base(repo), "far": "bucket/some folder/repo"} {
		t.Run(remote, func(t *testing.T) {
			testAttached(t, onServer{
				account: object{"accountType": "rcloneAccount", "userName": remote},
				storage: object{"type": "Rclone", "address": "rclone:" + remote + ":" + folder},
				kill:    func() { rclone.write(t, "echo away >&2; exit 1"); rclone.kill(t) },
				start:   func() { rclone.write(t, rclone.record()) },
				flags:   flags, secrets: []string{far.SecretKey},
			}, repo, source)
			want := "serve restic --stdio --append-only --ask-password=false -- " + remote + ":" + folder
			if !slices.Contains(rclone.lines(t, "args"), want) {
				t.Errorf("rclone was run as %q, want %q", rclone.lines(t, "args"), want)
			}
			rclone.none(t, 3)
		})
	}
	for _, v := range rclone.lines(t, "env") {
		if strings.HasPrefix(v, "SYNCLINE") || strings.HasPrefix(v, "AWS") || strings.HasPrefix(v, "RESTIC") {
			t.Errorf("rclone has the variable %s", v)
		}
	}
}

// TestRcloneNeedsTheOperator asks a server for remotes that its operator has not named.
// Nothing is run for them.
func TestRcloneNeedsTheOperator(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	rclone := inPath(t, map[string][]string{"backups": {"type = alias", "remote = " + filepath.Dir(repo)}, "other": {"type = local"}})
	data := filepath.Join(t.TempDir(), "data")
	account := object{"accountType": "rcloneAccount", "userName": "backups"}
	n := start(t, data)
	if m := n.refused("POST", "/v6/Accounts", account, 400); !strings.Contains(m, "serve --allow-rclone-remote") {
		t.Errorf("without the flag: %q", m)
	}
	n.end()

	n = start(t, data, "--allow-rclone-remote", "backups")
	for _, name := range []string{"other", "Backups", "backups:", ":local", "backups,copy_links=true", "--config=/tmp/x", "-v", "/etc", ".", "", " backups"} {
		if m := n.refused("POST", "/v6/Accounts", with(account, object{"userName": name}), 400); !strings.Contains(m, "userName") {
			t.Errorf("%q: %q", name, m)
		}
	}
	for field, value := range map[string]any{"password": "x", "secrets": object{"program": "sh"}, "settings": object{"args": "x"}, "method": "command"} {
		if m := n.refused("POST", "/v6/Accounts", with(account, object{field: value}), 400); !strings.Contains(m, field) {
			t.Errorf("%s: %q", field, m)
		}
	}
	id := n.add("/v6/Accounts", 201, account)
	place := object{"name": "storage", "type": "Rclone", "accountId": id, "address": "rclone:backups:" + filepath.Base(repo)}
	for _, address := range []string{
		"rclone:other:" + repo, "rclone:" + repo, "rclone::local:" + repo, "rclone::sftp,ssh='sh -c x':x", "rclone:backups,copy_links=true:x", "rclone:backups,pass=x:y",
		"rclone:--config=/x:y", "rclone:-v", "rclone:backups:../x", "rclone:backups:a/../../x", "rclone:", "local:" + repo, repo,
	} {
		if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(place, object{"address": address}), 400); !strings.Contains(m, "address") {
			t.Errorf("%s: %q", address, m)
		}
	}
	if m := n.refused("POST", "/v6/ObjectStorageRepositories", with(place, object{"settings": object{"program": "sh"}}), 400); !strings.Contains(m, "settings.program") {
		t.Errorf("a setting: %q", m)
	}
	if pids := rclone.all(t); len(pids) != 0 {
		t.Errorf("rclone was run %d times for what is refused", len(pids))
	}
	storage := n.add("/v6/ObjectStorageRepositories", 200, place)
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id = n.add("/v6/BackupRepositories", 200, object{"name": "repository", "objectStorageId": storage, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	n.finish(n.sync(id).ID)
	n.end()
	ran := len(rclone.all(t))
	rclone.none(t, 1)

	// An operator who takes the name away ends the use of what is attached.
	n = start(t, data)
	if failed := n.last(n.sync(id).ID); failed.Result != "Failed" || !strings.Contains(failed.Error, "serve --allow-rclone-remote") {
		t.Errorf("without the flag again: %+v", failed)
	}
	n.end()
	if len(rclone.all(t)) != ran {
		t.Error("rclone was run without the flag")
	}
	for name, message := range map[string]string{":local": "a remote of rclone has a name of letters", "a,b=c:": "a remote of rclone has a name of letters"} {
		if o := runProgram(t, nil, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--allow-rclone-remote", name); o.code != 1 || !strings.Contains(o.stderr, message) {
			t.Errorf("%q: exit code %d and %s", name, o.code, o.stderr)
		}
	}
}

// TestRcloneRemoteIsGone tells a remote that the configuration does not have from a storage
// that is away, when a place is attached and in a session.
func TestRcloneRemoteIsGone(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	rclone := inPath(t, map[string][]string{"backups": {"type = alias", "remote = " + filepath.Dir(repo)}})
	n := start(t, filepath.Join(t.TempDir(), "data"), "--allow-rclone-remote", "backups", "--allow-rclone-remote", "other")
	storage := func(remote string) object {
		account := n.add("/v6/Accounts", 201, object{"accountType": "rcloneAccount", "userName": remote})
		return object{"name": remote, "type": "Rclone", "accountId": account, "address": "rclone:" + remote + ":" + filepath.Base(repo)}
	}
	if m := n.refused("POST", "/v6/ObjectStorageRepositories", storage("other"), 400); !strings.Contains(m, `accountId: the configuration of rclone on this server has no remote "other"`) {
		t.Errorf("got %q", m)
	}
	id := n.add("/v6/ObjectStorageRepositories", 200, storage("backups"))
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id = n.add("/v6/BackupRepositories", 200, object{"name": "repository", "objectStorageId": id, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	n.finish(n.sync(id).ID)
	if err := os.WriteFile(os.Getenv("RCLONE_CONFIG"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rclone.kill(t)
	if failed := n.last(n.sync(id).ID); failed.Result != "Failed" || !strings.Contains(failed.Error, `has no remote "backups"`) {
		t.Errorf("the remote is gone: %+v", failed)
	}
	n.end()
	rclone.none(t, 1)
}

// last follows a session to its end, and returns how it ended.
func (n *node) last(id string) session {
	n.t.Helper()
	all := n.events(id)
	return all[len(all)-1]
}
