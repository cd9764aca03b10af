package kinds

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
)

// TestParseRclone reads remotes as rclone does. The name of a place leaves out what can be
// a secret, and the program gets the whole.
func TestParseRclone(t *testing.T) {
	for text, want := range map[string]struct{ bucket, folder, name, whole string }{
		"remote:path":                      {"remote", "path", "", ""},
		"local:foo:/bar":                   {"local", "foo:/bar", "", ""},
		"remote:":                          {"remote", "", "", ""},
		"remote:/srv//a/./b/":              {"remote", "/srv/a/b", "remote:/srv/a/b", ""},
		"remote:.":                         {"remote", "", "remote:", ""},
		"my remote:../a":                   {"my remote", "../a", "", ""},
		"/srv/repo":                        {"", "/srv/repo", "", ""},
		"dir":                              {"", "dir", "", ""},
		"./a:b":                            {"", "./a:b", "", ""},
		"a/b:c":                            {"", "a/b:c", "", ""},
		":local:/srv":                      {":local", "/srv", "", ""},
		":s3,provider=AWS,env_auth:b/p":    {":s3,provider=AWS", "b/p", ":s3,provider=AWS:b/p", ":s3,provider=AWS,env_auth"},
		"r,host=h,pass=hunter2:p":          {"r,host=h", "p", "r,host=h:p", "r,host=h,pass=hunter2"},
		`r,a="x:y,""z",b='it''s,:':p`:      {`r,a="x:y,""z",b='it''s,:'`, "p", "", ""},
		"r,url='https://u:hunter2@host':p": {"r", "p", "r:p", "r,url='https://u:hunter2@host'"},
	} {
		p, err := All().Parse("rclone:" + text)
		if err != nil || p.Storage.Kind != syncline.KindRclone || p.Storage.Bucket != want.bucket || p.Storage.Folder != want.folder {
			t.Errorf("%s: got %+v, %v", text, p.Storage, err)
			continue
		}
		name := want.name
		if name == "" {
			name = text
		}
		if got := All().Address(p); got != "rclone:"+name {
			t.Errorf("%s is called %s", text, got)
		}
		if got := p.Access.Secrets[secretsOption].Reveal(); got != want.whole {
			t.Errorf("%s: the program gets %q", text, got)
		}
	}
	for text, message := range map[string]string{
		"":                    "names no remote",
		"--config=/x":         "begins with a hyphen",
		"::path":              "names no backend",
		"r,pass=hunter2":      "do not end with a colon",
		`r,pass="hunter2:p`:   "do not end with a colon",
		"r,a='b:c,d=hunter2/": "do not end with a colon",
	} {
		_, err := All().Parse("rclone:" + text)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), message) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRcloneKeys tells apart remotes of one name that are not one place.
func TestRcloneKeys(t *testing.T) {
	keys := map[string]bool{}
	add := func(address, config string, options ...string) {
		n, err := All().Name(address, options, place.User{Getenv: func(name string) string { return map[string]string{"RCLONE_CONFIG": config}[name] }})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(n.Key+n.Name, "hunter2") {
			t.Errorf("%q is told", n.Key)
		}
		keys[n.Key] = true
	}
	add("rclone:r:p", "")
	add("rclone:r:p/", "")
	add("rclone:r:p", "/other")
	add("rclone:r:p", "", "rclone.program=ssh host rclone")
	add("rclone:r:p", "", "rclone.args=serve restic --stdio --config x")
	add("rclone:r,host=a,pass=hunter2:p", "")
	add("rclone:r,host=b,pass=hunter2:p", "")
	if len(keys) != 6 {
		t.Errorf("%d keys: %v", len(keys), keys)
	}
}

// TestRcloneOptions refuses options that cannot be used.
func TestRcloneOptions(t *testing.T) {
	for option, message := range map[string]string{
		"rclone.program=":        "rclone.program cannot be used: it is empty",
		`rclone.args="x`:         "the quote \" is not closed",
		"rclone.timeout=-1s":     "must be a duration",
		"rclone.timeout=x":       "must be a duration",
		"rclone.connections=0":   "must be a number from 1",
		"rclone.timeout=0":       "",
		"rclone.program=a 'b c'": "",
	} {
		n, err := All().Name("rclone:r:p", []string{option}, place.User{Getenv: func(string) string { return "" }})
		if err == nil {
			_, err = rcloneKind.Open(t.Context(), n.Place, place.Network{})
		}
		if (err == nil) != (message == "") || !strings.Contains(syncline.MessageOf(err), message) {
			t.Errorf("%s: %v", option, err)
		}
	}
}

// allowed are remotes that an operator has allowed.
type allowed []string

func (a allowed) Names() []string { return a }

func (a allowed) Open(name, folder string) (storage.Storage, error) {
	return nil, syncline.Errorf(syncline.CodeInternal, "opened %s", filepath.Join(name, folder))
}

// TestRcloneOfAServer opens the remotes that the operator has allowed, and nothing else.
func TestRcloneOfAServer(t *testing.T) {
	network := place.Network{Remotes: allowed{"backups", "more backups"}}
	account := func(name string) place.Access {
		return place.Access{Account: syncline.Account{Kind: syncline.KindRclone, UserName: name}}
	}
	for name, message := range map[string]string{
		"backups": "", "more backups": "",
		"other":                 "may not use; its operator allows one with serve --allow-rclone-remote",
		"Backups":               "may not use",
		"backups:":              "must be the name of a remote",
		":local":                "must be the name of a remote",
		"backups,copy_links=on": "must be the name of a remote",
		"--config":              "must be the name of a remote",
		"-v":                    "must be the name of a remote",
		"backups\nother":        "must be the name of a remote",
		"/srv":                  "must be the name of a remote",
		"":                      "must be the name of a remote",
	} {
		if err := rcloneKind.Stored[0].Check(account(name), network); (err == nil) != (message == "") || !strings.Contains(syncline.MessageOf(err), message) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := checkRemote(account("backups"), place.Network{}); !strings.Contains(syncline.MessageOf(err), "--allow-rclone-remote") {
		t.Errorf("without remotes: %v", err)
	}
	for address, message := range map[string]string{
		"rclone:backups:a/b":              "opened backups/a/b",
		"rclone:backups:":                 "opened backups",
		"rclone:backups:/a":               "opened backups/a",
		"rclone:more backups:a":           "must begin with the remote of its account",
		"rclone:other:a":                  "must begin with the remote of its account",
		"rclone:/srv/repo":                "must begin with the remote of its account",
		"rclone::local:/srv/repo":         "must begin with the remote of its account",
		"rclone:backups,copy_links=true:": "must begin with the remote of its account",
		"rclone:backups:../other":         "must not have ..",
		"rclone:backups:a/../../b":        "must not have ..",
		`rclone:backups:a\..\..\b`:        "must not have ..",
	} {
		s, err := All().ParseStored(syncline.KindRclone, address)
		if err == nil {
			_, err = rcloneKind.Open(t.Context(), place.Place{Storage: s, Access: account("backups")}, network)
		}
		if !strings.Contains(syncline.MessageOf(err), message) {
			t.Errorf("%s: %v", address, err)
		}
	}
	// A secret in an address is refused, as is what rclone would take for an option.
	for _, address := range []string{"rclone:backups,pass=x:", "rclone:--config=/x", "rclone:-v:x"} {
		if _, err := All().ParseStored(syncline.KindRclone, address); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%s: %v", address, err)
		}
	}
	// An account that was allowed once is checked when a place is opened.
	_, err := rcloneKind.Open(t.Context(), place.Place{
		Storage: syncline.ObjectStorage{Kind: syncline.KindRclone, Bucket: "gone"}, Access: account("gone"),
	}, network)
	if !strings.Contains(syncline.MessageOf(err), "--allow-rclone-remote") || slices.Contains(network.Remotes.Names(), "gone") {
		t.Errorf("got %v", err)
	}
}
