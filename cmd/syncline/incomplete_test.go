package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// copyInto copies files of a folder into another one.
func copyInto(t *testing.T, from, to string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// addKeys stores encryption keys with these descriptions.
func (n *node) addKeys(descriptions ...string) {
	n.t.Helper()
	for _, d := range descriptions {
		n.call("POST", "/v6/EncryptionKeys", object{"password": repoPassword, "description": d}, 200, nil)
	}
}

func (n *node) keys() (descriptions string) {
	n.t.Helper()
	var list []struct{ Description string }
	n.call("GET", "/v6/EncryptionKeys", nil, 200, &list)
	for _, k := range list {
		descriptions += k.Description + " "
	}
	return descriptions
}

// incomplete reports where a server tells that its database may lack changes.
func (n *node) incomplete() (told []string) {
	n.t.Helper()
	const word = "write-ahead log"
	if strings.Contains(n.output.String(), word) {
		told = append(told, "log")
	}
	if res, body := n.ask("GET", n.url+"/readyz", ""); res.StatusCode != 200 || !strings.HasPrefix(body, "ready\n") {
		n.t.Errorf("the server is not ready: %s", body)
	} else if strings.Contains(body, "\nwarning: ") && strings.Contains(body, word) {
		told = append(told, "readyz")
	}
	if _, _, body := n.get("/v6/ServiceInstance"); strings.Contains(body, word) {
		told = append(told, "instance")
	}
	return told
}

const everywhere = "log readyz instance"

// A copy of syncline.db alone, taken while the server runs, is told as such, to
// everybody who opens it. With its log, after a crash, or at rest it is complete.
func TestDatabaseWithoutItsLog(t *testing.T) {
	t.Parallel()
	data, dir := filepath.Join(t.TempDir(), "data"), t.TempDir()
	alone, whole, rested := filepath.Join(dir, "alone"), filepath.Join(dir, "whole"), filepath.Join(dir, "rested")
	n := start(t, data)
	n.addKeys("one", "two")
	copyInto(t, data, alone, "syncline.db", "secret.key")
	copyInto(t, data, whole, "syncline.db", "syncline.db-wal", "secret.key")
	if err := n.signal(syscall.SIGKILL); err == nil {
		t.Fatal("the server ended by itself")
	}
	check := func(name, data, keys, told string) {
		t.Helper()
		for range 2 {
			n := start(t, data)
			if got := strings.Join(n.incomplete(), " "); got != told {
				t.Errorf("%s: told in %q", name, got)
			}
			if got := n.keys(); got != keys {
				t.Errorf("%s has the keys %q", name, got)
			}
			list := runProgram(t, nil, "user", "list", "--data", data)
			if list.code != 0 || strings.Contains(list.stderr, "warning: the database may lack") != (told != "") {
				t.Errorf("%s: %+v", name, list)
			}
			if err := n.signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	check("after a crash", data, "one two ", "")
	check("a copy with its log", whole, "one two ", "")
	copyInto(t, data, rested, "syncline.db", "secret.key")
	check("a copy at rest", rested, "one two ", "")

	// A command may be the first to open the copy.
	if list := runProgram(t, nil, "user", "list", "--data", alone); list.code != 0 || !strings.Contains(list.stderr, "warning: the database may lack") {
		t.Errorf("%+v", list)
	}
	// The copy has no user, because even the administrator is in the log.
	check("a copy alone", alone, "", everywhere)
	if err := os.Remove(filepath.Join(alone, "syncline.db-incomplete")); err != nil {
		t.Fatal(err)
	}
	check("a copy that was looked at", alone, "", "")
}
