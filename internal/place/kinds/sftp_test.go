package kinds

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// TestParseSFTP reads the addresses of restic's own tests, and more.
func TestParseSFTP(t *testing.T) {
	for _, tt := range []struct {
		text, user, endpoint, folder string
		name                         string // Address(); the text itself where empty
	}{
		{"sftp://user@host/dir/subdir", "user", "host", "dir/subdir", "sftp:user@host:dir/subdir"},
		{"sftp://host/dir/subdir", "", "host", "dir/subdir", "sftp:host:dir/subdir"},
		{"sftp://host//dir/subdir", "", "host", "/dir/subdir", "sftp:host:/dir/subdir"},
		{"sftp://host:10022//dir/subdir", "", "host:10022", "/dir/subdir", ""},
		{"sftp://user@host:10022//dir/subdir", "user", "host:10022", "/dir/subdir", ""},
		{"sftp://user@host/dir/subdir/../other", "user", "host", "dir/other", "sftp:user@host:dir/other"},
		{"sftp://user@host/dir///subdir", "user", "host", "dir/subdir", "sftp:user@host:dir/subdir"},
		{"sftp://user@[::1]/dir", "user", "::1", "dir", ""},
		{"sftp://user@[::1]:22/dir", "user", "[::1]:22", "dir", ""},
		{"sftp:user@host:/dir/subdir", "user", "host", "/dir/subdir", ""},
		{"sftp:user@domain@host:/dir/subdir", "user@domain", "host", "/dir/subdir", ""},
		{"sftp:host:../dir/subdir", "", "host", "../dir/subdir", ""},
		{"sftp:user@host:dir/subdir:suffix", "user", "host", "dir/subdir:suffix", ""},
		{"sftp:user@host:dir/subdir/../other", "user", "host", "dir/other", "sftp:user@host:dir/other"},
		{"sftp:user@host:dir///subdir", "user", "host", "dir/subdir", "sftp:user@host:dir/subdir"},
		{"sftp:user@host:", "user", "host", ".", "sftp:user@host:."},
		{"sftp://user:hunter2@host:22//dir", "user", "host:22", "/dir", "sftp://user@host:22//dir"},
		{"sftp://user%40domain@host:22//a%20b%23", "user@domain", "host:22", "/a b#", "sftp://user%40domain@host:22//a%20b%23"},
	} {
		got, err := All().Parse(tt.text)
		s := got.Storage
		if err != nil || got.Access.Account.UserName != tt.user || s.Kind != syncline.KindSFTP || s.Endpoint != tt.endpoint || s.Folder != tt.folder {
			t.Errorf("%s: got %+v, %v", tt.text, got, err)
			continue
		}
		if name := All().Address(got); name != cmp.Or(tt.name, tt.text) {
			t.Errorf("%s: the address is told as %s", tt.text, name)
		}
	}
}

// TestSSHProgram runs the programs of restic's own tests, and more.
func TestSSHProgram(t *testing.T) {
	for _, tt := range []struct {
		address string
		options []string
		want    []string
		fault   string
	}{
		{"sftp:user@host:dir", nil, []string{"ssh", "host", "-l", "user", "-s", "sftp"}, ""},
		{"sftp:host:dir", nil, []string{"ssh", "host", "-s", "sftp"}, ""},
		{"sftp://host:10022//dir", nil, []string{"ssh", "host", "-p", "10022", "-s", "sftp"}, ""},
		{"sftp://user@host:10022//dir", []string{"sftp.args=-i /path/to/id_rsa"}, []string{"ssh", "host", "-p", "10022", "-l", "user", "-i", "/path/to/id_rsa", "-s", "sftp"}, ""},
		{"sftp://user@[::1]/dir", nil, []string{"ssh", "::1", "-l", "user", "-s", "sftp"}, ""},
		{"sftp://user@[::1%25lo0]:22/dir", nil, []string{"ssh", "::1%lo0", "-p", "22", "-l", "user", "-s", "sftp"}, ""},
		{"sftp:host:dir", []string{`sftp.command=ssh -J "a b" host -s sftp`}, []string{"ssh", "-J", "a b", "host", "-s", "sftp"}, ""},
		{"sftp:host:dir", []string{"sftp.command=ssh something", "sftp.args=-i x"}, nil, "cannot be given both"},
		{"sftp:host:dir", []string{`sftp.command="ssh`}, nil, "not closed"},
		{"sftp:host:dir", []string{`sftp.args='`}, nil, "not closed"},
	} {
		at, err := All().Name(tt.address, tt.options, place.User{Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		program, err := sshProgram(at.Place, at.Access.User)
		if tt.fault == "" && (err != nil || !slices.Equal(program.Words, tt.want)) || tt.fault != "" && !strings.Contains(syncline.MessageOf(err), tt.fault) {
			t.Errorf("%s %q: %q, %v", tt.address, tt.options, program.Words, err)
		}
	}
}

// TestJumpHosts reads the setting, and writes it with a key that was confirmed.
func TestJumpHosts(t *testing.T) {
	key, _, _ := strings.Cut(storedSFTP.Fields[0].Example, "\n")
	hosts, err := parseJumpHosts("jump@gate:2200 " + key + "\n\n  [::1]  \nsecond\n")
	if err != nil || len(hosts) != 3 {
		t.Fatal(hosts, err)
	}
	if want := "jump@gate:2200 " + key + "\n[::1]:22\nsecond:22"; printJumpHosts(hosts) != want {
		t.Errorf("got %q", printJumpHosts(hosts))
	}
	for _, text := range []string{"@", "gate key", "gate " + key + " " + key + "\n@:1", strings.Repeat("gate\n", 6), "a@b/c"} {
		if err := checkJumpHosts(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	at := place.Place{
		Storage: syncline.ObjectStorage{Kind: syncline.KindSFTP, Endpoint: "inner", Folder: "/srv", Settings: map[string]string{jumpHosts: "gate\nsecond", hostKey: key}},
		Access:  place.Access{Account: syncline.Account{UserName: "ada"}},
	}
	way, err := sshOf(at, place.Network{DenyPrivate: true})
	if err != nil || len(way.Hops) != 3 || !way.DenyPrivate || way.Hops[2].Address != "inner:22" || way.Hops[2].HostKey != key || way.Hops[0].User != "ada" {
		t.Fatalf("%+v, %v", way, err)
	}
	if name, value := way.Hops[1].Confirm(key); name != jumpHosts || value != "gate:22\nsecond:22 "+key {
		t.Errorf("%s is to be %q", name, value)
	}
}
