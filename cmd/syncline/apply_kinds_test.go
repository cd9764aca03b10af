package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// TestApplyAddresses applies a file twice that writes addresses and names of fields in other
// forms than the server does, and then what the server exports. Only the first time changes
// anything, and no secret is told.
func TestApplyAddresses(t *testing.T) {
	t.Parallel()
	server, web := servers.StartSSH(t), servers.StartREST(t, "--no-auth")
	files := servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old"))
	inSFTP(t, server, "repo", files)
	web.Put(t, "repo", files)
	dir, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	key := filepath.Join(dir, "key")
	servers.MakeKey(t, key, "ed25519", "open sesame 9")
	server.Allow(servers.ReadText(t, key+".pub"))
	file := filepath.Join(dir, "storages.yaml")
	text := fmt.Sprintf(`
name: storages
accounts:
  - {name: shell, type: sftp, method: key, userName: %q, secrets: {PRIVATEKEY: {file: key}, passphrase: {env: PHRASE}}}
  - {name: web, type: rest, method: none}
  - {name: cloud, type: s3-compatible, method: assumeRole, userName: ID, secret: {env: PHRASE}, settings: {roleArn: "arn:aws:iam::1:role/reader"}}
storages:
  - {name: far, account: shell, address: "sftp://%s/%s/./repo/", settings: {hostkey: %q}}
  - {name: near, account: web, address: "rest:%s/repo"}
`, server.User, server.Address, server.Dir, server.HostKey, strings.Replace(web.URL, "http://", "HTTP://", 1))
	start(t, data)
	apply := func(want string, variables ...string) {
		t.Helper()
		got := runProgram(t, variables, "apply", "-f", file, "--data", data)
		if got.code != 0 || !strings.Contains(got.stdout, want) || strings.Contains(got.stdout+got.stderr, "open sesame") {
			t.Errorf("exit code %d, want %q:\n%s%s", got.code, want, got.stdout, got.stderr)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	apply(`+ storage "near"`, "PHRASE=open sesame 9")
	apply("nothing to change\n", "PHRASE=open sesame 9")
	apply("nothing to change\n", "PHRASE=open sesame 9")
	exported := runProgram(t, nil, "export", "--data", data)
	if exported.code != 0 || strings.Contains(exported.stdout, "open sesame") || strings.Contains(exported.stdout, "PRIVATE KEY") {
		t.Fatalf("exit code %d: %s%s", exported.code, exported.stdout, exported.stderr)
	}
	var storages []string
	for line := range strings.Lines(exported.stdout) {
		if strings.Contains(line, "address:") || strings.Contains(line, "hostKey:") {
			storages = append(storages, strings.TrimSpace(line))
		}
	}
	if len(storages) != 3 {
		t.Errorf("the export has %q", storages)
	}
	write(strings.Replace(text, "/repo\"}\n", "/none\"}\n", 1))
	apply(`~ storage "near"`, "PHRASE=open sesame 9")

	// The secret goes along with a setting that leads it to another host.
	write(strings.Replace(text, `/reader"}`, `/reader", tokenService: "https://sts.example"}`, 1))
	apply(`~ account "cloud"`, "PHRASE=open sesame 9")
	write(text)
	apply(`~ account "cloud"`, "PHRASE=open sesame 9")

	// An account without a method has the kind's first one, which drops the settings of
	// another.
	first := strings.Replace(text, ", method: assumeRole", "", 1)
	write(first[:strings.Index(first, ", settings: {roleArn")] + first[strings.Index(first, `/reader"}`)+len(`/reader"}`):])
	apply(`~ account "cloud"`, "PHRASE=open sesame 9")
	apply("nothing to change\n", "PHRASE=open sesame 9")
}
