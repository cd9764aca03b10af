package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
)

// runners are the packages of the program that can run other programs, with what keeps the
// API from them. docs/design/object-storage.md says more.
var runners = map[string]string{
	"syncline.dev/syncline/internal/given":           "a command's password command; no package but the commands imports it",
	"syncline.dev/syncline/internal/storage/program": "rclone and ssh of a command's user; rclone of a server for the remotes that its operator names",
	"syncline.dev/syncline/internal/storage/azure":   "the Azure CLI of a command's user; a server has Identity.CLI never",
	"syncline.dev/syncline/internal/storage/s3":      "credential_process of a profile of a command's user; a server reads no profile",

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity": "tools of developers, for Identity.User of a command's user; a server has it never",
	"github.com/minio/minio-go/v7/pkg/credentials":     "credential_process of a profile, which a server never reads",
	"github.com/pkg/browser":                           "of azidentity, for signing in with a browser",
	"github.com/wneessen/go-mail":                      "sendmail, where messages go by SMTP here",
	"golang.org/x/oauth2/google/externalaccount":       "a key file that names a program, which a server refuses",
	"golang.org/x/sys/unix":                            "Exec, which nothing else in this list or out of it calls",
	"modernc.org/libc":                                 "system() of C, which SQLite does not call",
}

// TestProgramsThatAreRun holds the packages that can run programs against the list above. A
// new one fails the test until it has a line there that says why the API cannot reach it.
func TestProgramsThatAreRun(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "go list of the program's packages")
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,Imports,GoFiles,Standard", "./cmd/syncline")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	others := regexp.MustCompile(`\b(os\.StartProcess|syscall\.(StartProcess|ForkExec|Exec)|unix\.Exec)\(`)
	found := map[string]bool{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir  string
			Imports, GoFiles []string
			Standard         bool
		}
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Standard {
			continue
		}
		runs := slices.Contains(p.Imports, "os/exec") || slices.Contains(p.Imports, "plugin")
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			runs = runs || others.Match(text)
		}
		if runs {
			found[p.ImportPath] = true
			if runners[p.ImportPath] == "" {
				t.Errorf("%s can run programs, and nothing says why the API cannot reach that", p.ImportPath)
			}
		}
	}
	for name := range maps.Keys(runners) {
		if !found[name] {
			t.Errorf("%s runs no programs; take it out of the list", name)
		}
	}
}

// traps makes programs that write their names into a file, and names it.
func traps(t *testing.T) (dir, caught string) {
	t.Helper()
	dir = t.TempDir()
	caught = filepath.Join(dir, "caught")
	for _, name := range []string{"trap", "rclone", "ssh", "sh", "bash", "az", "aws", "gcloud", "pwsh", "azd", "sendmail", "pass", "xdg-open"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho \"$0 $@\" >>'"+caught+"'\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir, caught
}

// tried makes a request and returns how it was answered.
func (n *node) tried(method, path string, body any) (status int, answer string) {
	n.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		n.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, bytes.NewReader(raw))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.token)
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	if raw, err = io.ReadAll(res.Body); err != nil {
		n.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// namingPrograms makes the environment of the test name a program wherever other tools take
// one from, and returns a Google key file that does so.
func namingPrograms(t *testing.T, dir, trap, home string) (executable string) {
	t.Helper()
	raw, err := json.Marshal(object{
		"type": "external_account", "audience": "a", "token_url": "http://127.0.0.1:1", "subject_token_type": "t",
		"credential_source": object{"executable": object{"command": trap}},
	})
	if err != nil {
		t.Fatal(err)
	}
	executable = string(raw)
	for name, text := range map[string]string{
		"config": "[default]\ncredential_process = " + trap + "\n", "key.json": executable, "rclone.conf": "[backups]\ntype = local\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"HOME": home, "AWS_CONFIG_FILE": filepath.Join(home, "config"), "AWS_PROFILE": "default", "AZURE_FORCE_CLI_CREDENTIAL": "true", "AZURE_ACCOUNT_NAME": "account",
		"GOOGLE_APPLICATION_CREDENTIALS": filepath.Join(home, "key.json"), "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1",
		"RESTIC_PASSWORD_COMMAND": trap, "RCLONE_CONFIG": filepath.Join(home, "rclone.conf"), "BROWSER": trap,
	} {
		t.Setenv(name, value)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return executable
}

// TestAPIRunsNothing asks the API for all that could run a program, as an administrator. The
// server's own environment names programs, too. None is run.
func TestAPIRunsNothing(t *testing.T) {
	dir, caught := traps(t)
	trap, home := filepath.Join(dir, "trap"), t.TempDir()
	executable := namingPrograms(t, dir, trap, home)
	n := start(t, filepath.Join(t.TempDir(), "data"))
	const s3 = "http://127.0.0.1:1" // where nothing answers
	sftp := n.add("/v6/Accounts", 201, object{"accountType": "sftpAccount", "method": "password", "userName": "user", "password": "x"})
	amazon := n.add("/v6/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": "AKIA", "password": "x"})
	azure := n.add("/v6/Accounts", 201, object{"accountType": "azureBlobAccount", "userName": "account", "password": "a2V5"})
	password := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	const accounts, storages, repositories = "/v6/Accounts", "/v6/ObjectStorageRepositories", "/v6/BackupRepositories"
	repository := object{"name": "r", "encryptionKeyId": password, "retentionType": "ItemLevel"}
	at := func(kind, account, address string) object {
		return object{"name": "s", "type": kind, "accountId": account, "address": address}
	}
	for i, attempt := range []struct {
		path string
		body object
	}{
		{accounts, object{"accountType": "rcloneAccount", "userName": "backups"}},
		{accounts, object{"accountType": "rcloneAccount", "userName": ":sftp,ssh='" + trap + "'"}},
		{accounts, object{"accountType": "rcloneAccount", "userName": "--config=" + home}},
		{accounts, object{"accountType": "rcloneAccount", "userName": "backups", "settings": object{"program": trap}}},
		{accounts, object{"accountType": "sftpAccount", "method": "command", "userName": "user", "settings": object{"command": trap}}},
		{accounts, object{"accountType": "sftpAccount", "method": "password", "userName": "user", "password": "x", "settings": object{"command": trap}}},
		{accounts, object{"accountType": "azureBlobAccount", "method": "cli", "userName": "account"}},
		{accounts, object{"accountType": "azureBlobAccount", "userName": "account"}},
		{accounts, object{"accountType": "azureBlobAccount", "method": "ownIdentity", "userName": "account"}},
		{accounts, object{"accountType": "amazonS3Account", "method": "profile", "userName": "default"}},
		{accounts, object{"accountType": "amazonS3Account", "method": "ownIdentity"}},
		{accounts, object{"accountType": "amazonS3Account", "userName": "AKIA", "password": "x", "settings": object{"credentialProcess": trap}}},
		{accounts, object{"accountType": "googleCloudAccount", "userName": "g", "password": executable}},
		{accounts, object{"accountType": "googleCloudAccount", "method": "ownIdentity"}},
		{storages, at("Rclone", amazon, "rclone:backups:repo")},
		{storages, at("Sftp", sftp, "sftp:-oProxyCommand="+trap+":/repo")},
		{storages, at("Sftp", sftp, "rclone::local:"+home)},
		{storages, with(at("Sftp", sftp, "sftp:127.0.0.1:/repo"), object{"settings": object{"command": trap}})},
		{storages, object{"name": "s", "type": "AmazonS3Compatible", "accountId": amazon, "address": "rclone:backups:x", "amazonBucketS3Compatible": object{"name": "b", "servicePoint": s3}}},
		{storages, object{"name": "s", "type": "AzureBlob", "accountId": azure, "azureContainer": object{"name": "c", "endpoint": s3 + "/$(" + trap + ")"}}},
		{repositories, with(repository, object{"path": "rclone:backups:" + home})},
		{repositories, with(repository, object{"path": "sftp:host:/repo"})},
		{repositories, with(repository, object{"path": "|" + trap})},
		{repositories, with(repository, object{"path": "/nonexistent/$(" + trap + ")"})},
		{"/v6/NotificationChannels", object{"name": "c", "kind": "Command", "settings": object{"command": trap}}},
		{"/v6/NotificationChannels", object{"name": "c", "kind": "Chat", "settings": object{"url": "script://" + trap}}},
		{"/v6/NotificationChannels", object{"name": "c", "kind": "Webhook", "settings": object{"url": "file://" + trap}}},
		{"/v6/NotificationChannels", object{"name": "c", "kind": "Email", "settings": object{"sendmail": trap}}},
	} {
		if status, answer := n.tried("POST", attempt.path, attempt.body); status < 400 || !strings.Contains(answer, `"message"`) {
			t.Errorf("attempt %d, %s %v: %d %s", i, attempt.path, attempt.body, status, answer)
		}
	}
	// A key with a program in place of its password is refused.
	for _, field := range []string{"passwordCommand", "command"} {
		if status, answer := n.tried("POST", "/v6/EncryptionKeys", object{field: trap}); status != 400 {
			t.Errorf("an encryption key with %s: %d %s", field, status, answer)
		}
	}
	n.end()
	if text, err := os.ReadFile(caught); err == nil {
		t.Errorf("programs were run: %s", text)
	}
	// The traps work.
	_ = exec.CommandContext(t.Context(), "rclone", fmt.Sprint(1)).Run()
	if _, err := os.ReadFile(caught); err != nil {
		t.Error("a trap does not catch:", err)
	}
}
