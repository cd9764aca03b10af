package declare

import (
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

const good = `
name: fleet
accounts:
  - {name: minio, type: s3-compatible, userName: AKIA, secret: {env: MINIO}, maxConnections: 8, limitDownloadKBs: 1000}
keys:
  - {name: main, password: {file: secrets/main}}
  - {name: other, id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301}
storages:
  - {name: cellar, account: Minio, bucket: 2024, folder: restic/laptop, endpoint: "https://storage.example:9000", region: here, description: "" }
repositories:
  - {name: laptop, storage: cellar, key: main, description: mine}
  - name: desk
    path: /srv/restic/desk
    key: OTHER
    synchronization: {enabled: false, interval: 90m}
rules:
  - {name: daily, repository: Desk, hostPattern: web*, paths: [/etc, /srv], tag: x, maxAge: 26h, severity: Critical, enabled: false}
users:
  - {name: ann, role: operator, password: {env: ANN}}
`

func TestRead(t *testing.T) {
	f, err := Read(strings.NewReader(good), "/etc/syncline")
	if err != nil {
		t.Fatal(err)
	}
	if f.Name != "fleet" || len(f.Accounts) != 1 || len(f.Keys) != 2 || len(f.Storages) != 1 || len(f.Repositories) != 2 || len(f.Users) != 1 {
		t.Errorf("got %+v", f)
	}
	if a := f.Accounts[0]; a.Secret != (Secret{Env: "MINIO"}) || a.MaxConnections != 8 || a.LimitDownloadKBs != 1000 {
		t.Errorf("got %+v", a)
	}
	if k := f.Keys[1]; k.ID != "3f2504e0-4f89-41d3-9a0c-0305e82c3301" || k.Password.given() {
		t.Errorf("got %+v", k)
	}
	if s := f.Repositories[1].Synchronization; s != (Synchronization{Off: true, Interval: "1h30m"}) || f.Repositories[0].Synchronization != (Synchronization{}) {
		t.Errorf("got %+v", s)
	}
	if r := f.Rules[0]; r.Name != "daily" || len(r.Paths) != 2 || !r.Off || r.Severity != syncline.SeverityCritical {
		t.Errorf("got %+v", r)
	}
	if diff := (Rule{MaxAge: "2d", Paths: []string{"b", "a"}}).fields(client.AlarmRule{MaxAge: "48h", Paths: []string{"a", "b"}, Severity: syncline.SeverityWarning, Enabled: true}, ""); len(diff) != 0 {
		t.Errorf("the same rule differs: %+v", diff)
	}
	if s := f.Storages[0]; s.Bucket != "2024" || s.Region != "here" {
		t.Errorf("got %+v", s)
	}
}

func TestReadRefuses(t *testing.T) {
	replace := func(old, by string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(good, old, by, 1)
	}
	for text, says := range map[string]string{
		"":          "the file is empty",
		"# nothing": "the file is empty",
		replace("{enabled: false, interval: 90m}", `{cron: "99 * * * *"}`):                            "synchronization",
		replace("{enabled: false, interval: 90m}", `{cron: "0 3 * * *", timeZone: "Europe/Nowhere"}`): "Nowhere",
		"name: x\n---\nname: y\n":                   "more than one YAML document",
		"a: [":                                      "is not YAML",
		"- name: x\n":                               "line 1: the file must have fields",
		"keys: []\n":                                "name is missing",
		"name: " + strings.Repeat("x", 65):          "1 to 64",
		replace("repositories:", "repositorys:"):    `line 10: the file has no field "repositorys"; do you mean repositories?`,
		replace("role: operator", "rank: operator"): `a user has no field "rank"`,
		replace("role: operator", "role: king"):     `user "ann": role must be one of`,
		replace("type: s3-compatible, ", ""):        `account "minio": type is missing`,
		replace("secret: {env: MINIO}", "secrets: {password: {env: A}}, secret: {env: B}"): "are one; give it once",
		replace("secret: {env: MINIO}", "secrets: {key: MINIO}"):                           "a secret must not stand in the file",
		replace("secret: {env: MINIO}", "settings: {key: [1]}"):                            "a text is expected",
		replace("secret: {env: MINIO}", "settings: x"):                                     "settings are names with values",
		replace("region: here", "address: 'sftp://host/x'"):                                "an address says all of the place",
		replace("{env: MINIO}", "MINIO"):                                                   "a secret must not stand in the file",
		replace("{env: MINIO}", "{env: MINIO, file: x}"):                                   "a secret is in one place",
		replace("{env: MINIO}", "{}"):                                                      "a secret is in one place",
		replace("key: OTHER", "key: nobody"):                                               `repository "desk": there is no key "nobody"`,
		replace("storage: cellar", "storage: attic"):                                       `repository "laptop": there is no storage "attic"`,
		replace("account: Minio", "account: nobody"):                                       `storage "cellar": there is no account "nobody"`,
		replace("bucket: 2024, ", ""):                                                      `storage "cellar": bucket is missing`,
		replace("    key: OTHER", "    key: OTHER\n    key: main"):                         "line 15: key is given twice",
		replace("path: /srv/restic/desk", "path: srv"):                                     "path must be absolute",
		replace("path: /srv/restic/desk", "path: /srv/../x"):                               "path must be absolute and without",
		replace("path: /srv/restic/desk", "storage: cellar\n    path: /srv"):               "give path, or storage, and not both",
		replace("interval: 90m", "interval: soon"):                                         "line 15: interval must be a time",
		replace("interval: 90m", "interval: 90m, cron: 0 3 * * *"):                         "and not both",
		replace("interval: 90m", "timeZone: UTC"):                                          "no meaning without cron",
		replace("enabled: false", "enabled: 0"):                                            "true or false",
		replace("maxAge: 26h, ", ""):                                                       `rule "daily": maxAge is missing`,
		replace("maxAge: 26h", "maxAge: often"):                                            "maxAge is missing or is no time",
		replace("repository: Desk", "repository: nobody"):                                  `rule "daily": there is no repository "nobody"`,
		replace("severity: Critical", "severity: Bad"):                                     "severity must be one of",
		replace("paths: [/etc, /srv]", "paths: /etc"):                                      "a list of texts",
		replace("name: desk", "name: LAPTOP"):                                              "stands in the file twice",
		replace("name: desk", "name: 'desk '"):                                             "without a space at an end",
		replace("maxConnections: 8", "maxConnections: -8"):                                 "a whole number of 0 or more",
		replace("maxConnections: 8", "maxConnections: many"):                               "a whole number of 0 or more",
		replace("description: mine", "description: [mine]"):                                "a text is expected",
		replace("3F2504E0-4F89-41D3-9A0C-0305E82C3301", "3F25"):                            "an id is a UUID",
		"name: x\nkeys: {name: y}\n":                                                       "this must be a list",
		"name: x\nkeys: [y]\n":                                                             "a key must have fields",
	} {
		_, err := Read(strings.NewReader(text), "")
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// A secret is shown as the place where it is.
func TestStepsShowNoSecret(t *testing.T) {
	s := Step{Action: Change, Kind: kindKey, Name: "main", Fields: []Field{{"description", "a\x1b[31m", "b"}, {"password", "", Secret{Env: "X"}.String()}}}
	want := "~ key \"main\"\n    description: \"a\\x1b[31m\" -> \"b\"\n    password: another one, from the variable X"
	if got := s.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A storage is as the file declares it in the form that the API has for it.
func TestStorages(t *testing.T) {
	for kind := range accountTypes {
		s := Storage{Name: "n", Account: "a", Bucket: "b", Folder: "f", Endpoint: "e", Region: "r", Cloud: "China"}
		switch kind {
		case "s3":
			s.Endpoint = ""
		case "s3-compatible":
			s.Cloud = ""
		case "azure":
			s.Region = ""
		case "google":
			s.Region, s.Cloud = "", ""
		}
		if diff := s.fields(s.object(accountTypes[kind].storage, "id"), "A"); len(diff) != 0 {
			t.Errorf("%s: %+v", kind, diff)
		}
	}
	s := Storage{Name: "n", Account: "a", Bucket: "b"}
	if diff := s.fields(Storage{Bucket: "b", Cloud: "Global"}.object(client.StorageS3, "id"), "a"); len(diff) != 0 {
		t.Errorf("the default cloud: %+v", diff)
	}
}

// A thing that is not of the file is called as people know it, and never as a thing of the
// file.
func TestNames(t *testing.T) {
	p := planner{
		File: &File{Keys: []Key{{Name: "Main"}}},
		plan: &Plan{ids: map[ref]syncline.ID{{kindKey, "main"}: "1"}},
		state: State{
			Accounts: []client.Account{{ID: "1", UserName: "AKIA"}}, Storages: []client.ObjectStorage{{ID: "1", Name: "cold"}}, Repositories: []client.Repository{{ID: "1", Name: "web"}},
			Keys: []client.EncryptionKey{{ID: "1", Description: "x"}, {ID: "2", Description: "By hand"}, {ID: "3", Description: "main"}, {ID: "4"}},
		},
	}
	for _, tt := range []struct {
		kind string
		id   syncline.ID
		want string
	}{
		{kindKey, "1", "main"},
		{kindKey, "2", "By hand"},
		{kindKey, "3", "main (3)"},
		{kindKey, "4", "4"},
		{kindKey, "5", "5"},
		{kindAccount, "1", "AKIA"},
		{kindStorage, "1", "cold"},
		{kindRepository, "1", "web"},
	} {
		if got := p.nameOf(tt.kind, tt.id); got != tt.want {
			t.Errorf("%s %s is called %q, want %q", tt.kind, tt.id, got, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add("name: x\nkeys: &a [*a]\n")
	f.Add("name: x\n? {a: b}\n: c\n")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := Read(strings.NewReader(text), "")
		if err == nil && read.Name == "" {
			t.Error("a file without a name was taken")
		}
		if err != nil && syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("got %v", err)
		}
	})
}
