package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/settings"
)

// values have a setting of each type.
type values struct {
	Name     string
	Count    int
	Every    time.Duration
	Loud     bool
	Networks []string
	Key      string
}

func (v *values) table() settings.Table {
	return settings.Table{
		{Name: "name", Value: &v.Name, Help: "`name` of it", Default: "none"},
		{Name: "count", Value: &v.Count, Help: "how `many`", Live: true, Check: func() error {
			if v.Count < 0 {
				return syncline.Errorf(syncline.CodeInvalid, "it takes 0 or more")
			}
			return nil
		}},
		{Name: "every", Value: &v.Every, Help: "a `time`"},
		{Name: "loud", Value: &v.Loud, Help: "say more"},
		{Name: "trusted-network", Value: &v.Networks, Help: "`network` to trust", Default: "none"},
		{Name: "key", Value: &v.Key, Help: "`text`", Hidden: true, Secret: true},
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A flag goes before a variable, a variable before the file, and the file before the
// default.
func TestOrder(t *testing.T) {
	const text = "\nname: file\ncount: 3\nevery: 90s\nloud: true\ntrusted-network: [10.0.0.0/8, '::1']\n"
	var parsed values
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	parsed.table().AddFlags(flags)
	if err := flags.Parse([]string{"--trusted-network", "a,b", "--trusted-network", "c", "--loud=false"}); err != nil {
		t.Fatal(err)
	}
	file := write(t, text)
	for _, tt := range []struct {
		why   string
		from  settings.Sources
		want  values
		from3 [3]string // of name, loud and trusted-network
	}{
		{"nothing", settings.Sources{}, values{Count: 7}, [3]string{"default", "default", "default"}},
		{
			"the file",
			settings.Sources{File: file},
			values{Name: "file", Count: 3, Every: 90 * time.Second, Loud: true, Networks: []string{"10.0.0.0/8", "::1"}},
			[3]string{file + ":2", file + ":5", file + ":6"},
		},
		{
			"variables",
			settings.Sources{File: file, Environ: []string{"SYNCLINE_NAME=v=1", "SYNCLINE_LOUD=", "OTHER=1", "SYNCLINE_TRUSTED_NETWORK=x, y,", "SYNCLINE_EVERY=1h"}},
			values{Name: "v=1", Count: 3, Every: time.Hour, Loud: true, Networks: []string{"x", "y"}},
			[3]string{"SYNCLINE_NAME", file + ":5", "SYNCLINE_TRUSTED_NETWORK"},
		},
		{
			"a variable that says no",
			settings.Sources{File: file, Environ: []string{"SYNCLINE_LOUD=false"}},
			values{Name: "file", Count: 3, Every: 90 * time.Second, Networks: []string{"10.0.0.0/8", "::1"}},
			[3]string{file + ":2", "SYNCLINE_LOUD", file + ":6"},
		},
		{
			"flags",
			settings.Sources{File: file, Environ: []string{"SYNCLINE_TRUSTED_NETWORK=x", "SYNCLINE_LOUD=true"}, Flags: parsed.table().Given(flags)},
			values{Name: "file", Count: 3, Every: 90 * time.Second, Networks: []string{"a,b", "c"}},
			[3]string{file + ":2", "--loud", "--trusted-network"},
		},
	} {
		got := values{Count: 7}
		origins, err := got.table().Load(tt.from)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.why, got, err)
		}
		if at := [3]string{origins["name"], origins["loud"], origins["trusted-network"]}; at != tt.from3 {
			t.Errorf("%s: from %q", tt.why, at)
		}
	}
}

// Each mistake names where it stands, and what is meant.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ file, environ, says string }{
		{file: "nam: x", says: `s.yaml:1: there is no setting "nam"; do you mean name?`},
		{file: "\n\ntrusted_network: [a]", says: `s.yaml:3: there is no setting "trusted_network"; do you mean trusted-network?`},
		{file: "kez: x", says: `there is no setting "kez"; docs/configuration.md lists all`}, // a hidden one is not suggested
		{file: "Name: x", says: `there is no setting "Name"; do you mean name?`},
		{file: "something-else: 1", says: "docs/configuration.md lists all"},
		{file: "name: x\ncount: 1\nname: y", says: "s.yaml:3: name stands in line 1, too"},
		{file: "name: [x]", says: "s.yaml:1: name must be one text"},
		{file: "name:", says: "name has no value"},
		{file: "name: true", says: "name must be one text"},
		{file: "count: '1'", says: "count must be a whole number"},
		{file: "count: 1.5", says: "count must be a whole number"},
		{file: "count: 99999999999999999999", says: "count must be a whole number"},
		{file: "every: 5", says: `every must be a duration, such as 90s, 15m or 1h30m, and is "5"`},
		{file: "every: soon", says: `and is "soon"`},
		{file: "loud: yes", says: "loud must be true or false"},
		{file: "trusted-network: [1]", says: "trusted-network must be a list of texts"},
		{file: "trusted-network: ['']", says: "trusted-network must be a list of texts"},
		{file: "trusted-network: {a: b}", says: "trusted-network must be a list of texts"},
		{file: "trusted-network: [[a]]", says: "trusted-network must be a list of texts"},
		{file: "name: &x a\nkey: *x", says: "s.yaml:2: key is an alias"},
		{file: "[a]", says: "s.yaml:1: this is no list of settings"},
		{file: "text", says: "this is no list of settings"},
		{file: "1: x", says: "a setting's name must be plain text"},
		{file: "<<: {name: x}", says: "s.yaml:1:"},
		{file: "name: [x", says: "is not YAML"},
		{file: "name: x\n---\nname: y", says: "more than one YAML document"},
		{file: "count: -1", says: "s.yaml:1: count: it takes 0 or more"},
		{file: "# " + strings.Repeat("x", 1<<20), says: "larger than 1 MiB"},
		{environ: "SYNCLINE_NAM=x", says: "the variable SYNCLINE_NAM is no setting; do you mean SYNCLINE_NAME?"},
		{environ: "SYNCLINE_ADMIN_PASWORD=x", says: "do you mean SYNCLINE_ADMIN_PASSWORD?"},
		{environ: "SYNCLINE_COUNT=x", says: `SYNCLINE_COUNT must be a whole number, and is "x"`},
		{environ: "SYNCLINE_COUNT=-1", says: "SYNCLINE_COUNT: it takes 0 or more"},
		{environ: "SYNCLINE_LOUD=1", says: "SYNCLINE_LOUD must be true or false"},
	} {
		var v values
		from := settings.Sources{File: write(t, tt.file), Environ: []string{tt.environ}}
		_, err := v.table().Load(from)
		var faults settings.Faults
		if !errors.As(err, &faults) || len(faults) != 1 || !strings.Contains(syncline.MessageOf(faults[0]), tt.says) || syncline.CodeOf(faults[0]) != syncline.CodeInvalid {
			t.Errorf("%.40q %s: %v", tt.file, tt.environ, err)
		}
		if tt.file != "" && !strings.Contains(tt.says, "count: it takes") && !strings.Contains(tt.file, "\ncount: 1\n") && !strings.Contains(tt.file, "&x") && !reflect.DeepEqual(v, values{}) && tt.environ == "" {
			t.Errorf("%.40q: something was set: %+v", tt.file, v)
		}
	}
	var v values
	_, err := v.table().Load(settings.Sources{File: write(t, "a: 1\nb: 2\nloud: 3\nname: right"), Environ: []string{"SYNCLINE_C=1", "SYNCLINE_KEY=k"}})
	var faults settings.Faults
	if !errors.As(err, &faults) || len(faults) != 4 {
		t.Errorf("all mistakes at once: %v", err)
	}
	if !reflect.DeepEqual(v, values{Name: "right", Key: "k"}) {
		t.Errorf("what is right beside mistakes: %+v", v)
	}
	v = values{}
	if _, err = v.table().Load(settings.Sources{File: write(t, "name: [x"), Flags: map[string]any{"name": "flag"}}); err == nil || v.Name != "flag" {
		t.Errorf("a flag beside a file that is none: %+v, %v", v, err)
	}
}

// The variables that a cluster sets for a service of this name, and those of other
// commands, are no mistakes.
func TestForeignVariables(t *testing.T) {
	var v values
	_, err := v.table().Load(settings.Sources{Environ: []string{
		"SYNCLINE_SERVICE_HOST=10.0.0.1", "SYNCLINE_SERVICE_PORT=4443", "SYNCLINE_SERVICE_PORT_HTTPS=4443", "SYNCLINE_PORT=tcp://10.0.0.1:4443",
		"SYNCLINE_PORT_4443_TCP=tcp://10.0.0.1:4443", "SYNCLINE_PORT_4443_TCP_ADDR=10.0.0.1", "SYNCLINE_METRICS_SERVICE_HOST=10.0.0.2",
		"SYNCLINE_METRICS_PORT_9464_TCP_PROTO=tcp", "SYNCLINE_ADMIN_PASSWORD=x", "SYNCLINE_SERVER=https://x", "SYNCLINE_CONFIG=/x", "SYNCLINE_NAME=", "SYNCLINE_STATE_PASSPHRASE=x",
	}})
	if err != nil || !reflect.DeepEqual(v, values{}) {
		t.Errorf("%+v, %v", v, err)
	}
	for _, one := range []string{"SYNCLINE_PORT=4443", "SYNCLINE_SERVR=https://x"} {
		if _, err := v.table().Load(settings.Sources{Environ: []string{one}}); err == nil {
			t.Errorf("%s, which a person chose, is ignored", one)
		}
	}
}

// Files that could come from somebody else are refused.
func TestOddFiles(t *testing.T) {
	file := write(t, "name: x")
	if err := os.Chmod(file, 0o646); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		file: "chmod o-w", t.TempDir(): "no regular file", os.DevNull: "no regular file", filepath.Join(t.TempDir(), "none"): "cannot be read (no such file",
	} {
		var v values
		if _, err := v.table().Load(settings.Sources{File: path}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, text := range []string{"", "# nothing", "---", "{}", "null"} {
		var v values
		if _, err := v.table().Load(settings.Sources{File: write(t, text)}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTakeLive(t *testing.T) {
	a, b := values{Name: "a", Count: 1, Networks: []string{"x"}, Key: "one"}, values{Name: "a", Count: 2, Networks: []string{"x"}, Key: "two"}
	changed, restart := a.table().TakeLive(b.table())
	if !reflect.DeepEqual(changed, []string{"count"}) || !reflect.DeepEqual(restart, []string{"key"}) {
		t.Errorf("%q %q", changed, restart)
	}
	if !reflect.DeepEqual(a, values{Name: "a", Count: 2, Networks: []string{"x"}, Key: "one"}) {
		t.Errorf("%+v", a)
	}
}

// TestText has the texts of values as people read them. A secret value is not told.
func TestText(t *testing.T) {
	texts := func(v values) (all [6]string) {
		for i, s := range v.table() {
			all[i] = s.Text()
		}
		return all
	}
	if got := texts(values{}); got != [6]string{"", "0", "0s", "false", "", ""} {
		t.Errorf("got %q", got)
	}
	full := values{Name: "a", Count: 2, Every: time.Minute, Loud: true, Networks: []string{"x", "y"}, Key: "hunter2"}
	if got := texts(full); got != [6]string{"a", "2", "1m0s", "true", "x,y", "(secret)"} {
		t.Errorf("got %q", got)
	}
}

// TestFlags has the help of the flags: it tells the default, and no hidden flag.
func TestFlags(t *testing.T) {
	var v values
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	v.table().AddFlags(flags)
	help := flags.FlagUsages()
	for _, part := range []string{"name of it (default: none)", "trust (can be given several times; default: none)", "a time\n", "say more\n"} {
		if !strings.Contains(help, part) {
			t.Errorf("the help lacks %q:\n%s", part, help)
		}
	}
	if strings.Contains(help, "--key") {
		t.Errorf("a hidden setting is shown:\n%s", help)
	}
	for i, want := range []string{"name", "many", "time", "", "network", "text"} {
		if kind, help := v.table()[i].Kind(); kind != want || strings.Contains(help, "`") || help == "" {
			t.Errorf("setting %d is a %q: %q", i, kind, help)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "12": 12, "12b": 12, "3k": 3 << 10, "3M": 3 << 20, "2g": 2 << 30, "1T": 1 << 40, "16777215T": 16777215 << 40} {
		if got, err := settings.ParseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "M", "-1", "1.5G", "1 G", "1MM", "16777216T", "99999999999999999999", strings.Repeat("9", 1000)} {
		if got, err := settings.ParseSize(text); syncline.CodeOf(err) != syncline.CodeInvalid || len(syncline.MessageOf(err)) > 200 {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}

// No file makes the reader fail in another way than with an error.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"name: x", "a: &a [*a]", "? [a]\n: b", "trusted-network: [a, b]", "{", "name: !!binary x", "count: 0x10", "every: 0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var v values
		_, err := v.table().Load(settings.Sources{File: file})
		var faults settings.Faults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Errorf("%v", err)
		}
	})
}
