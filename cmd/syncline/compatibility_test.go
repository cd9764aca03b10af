package main_test

import (
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

// compatibility is docs/restic-compatibility.md: by the heading of a table and the
// first column, what becomes of it and why.
type compatibility map[string]map[string][2]string

func readCompatibility(t *testing.T) compatibility {
	t.Helper()
	raw, err := os.ReadFile("../../docs/restic-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	page, heading := compatibility{}, ""
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, "## "); ok {
			heading = strings.TrimSpace(text)
			page[heading] = map[string][2]string{}
		}
		if m := regexp.MustCompile("^\\| `([^`]+)` \\| (honoured|accepted|refused) \\| (.+) \\|\n$").FindStringSubmatch(line); m != nil {
			page[heading][m[1]] = [2]string{m[2], m[3]}
		}
	}
	return page
}

// ofRestic are the names that restic's help, its list of options and its manual
// have, under the same headings.
func ofRestic(t *testing.T) map[string][]string {
	t.Helper()
	flag := regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z0-9-]+)`)
	flags := func(text, before string) (all []string) {
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			if m[1] != "help" {
				all = append(all, before+"--"+m[1])
			}
		}
		return all
	}
	lists := map[string][]string{"Global flags": flags(runPinned(t, nil, "--help").stdout, ""), "Commands": pinnedCommands(t)}
	ours := runProgram(t, nil, "help").stdout
	for _, name := range lists["Commands"] {
		if name == "help" || !strings.Contains(ours, "\n  "+name+" ") {
			continue
		}
		_, own, _ := strings.Cut(runPinned(t, nil, name, "--help").stdout, "\nFlags:")
		own, _, _ = strings.Cut(own, "\nGlobal Flags:")
		lists["Flags of commands"] = append(lists["Flags of commands"], flags(own, name+" ")...)
	}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z0-9]+\.[a-z0-9-]+) `).FindAllStringSubmatch(runPinned(t, nil, "options").stdout, -1) {
		lists["Extended options"] = append(lists["Extended options"], m[1])
	}
	_, manual, _ := strings.Cut(resticManual(t, "doc/075_scripting.rst"), ".. code-block")
	manual, _, _ = strings.Cut(manual, "See :ref:`caching`")
	for _, m := range regexp.MustCompile(`(?m)^    ([A-Z][A-Z0-9_]+) `).FindAllStringSubmatch(manual, -1) {
		lists["Variables"] = append(lists["Variables"], m[1])
	}
	return lists
}

// resticManual reads a file of the sources of the restic that tools/ pins.
func resticManual(t *testing.T, name string) string {
	t.Helper()
	needtest.Full(t, "the sources of restic")
	cmd := exec.CommandContext(t.Context(), "go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/restic/restic")
	cmd.Dir = "../../tools/restic"
	dir, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Every flag, variable, option and command of the newest restic has a line in
// docs/restic-compatibility.md, and the program does what the line says.
func TestCompatibility(t *testing.T) {
	t.Parallel()
	page := readCompatibility(t)
	for heading, names := range ofRestic(t) {
		if len(names) < 20 {
			t.Errorf("%s: restic has %q", heading, names)
		}
		for _, name := range names {
			if _, ok := page[heading][name]; !ok {
				t.Errorf("%s: %s of restic has no line in docs/restic-compatibility.md", heading, name)
			}
		}
		for name := range page[heading] {
			if !slices.Contains(names, name) {
				t.Errorf("%s: restic has no %s", heading, name)
			}
		}
	}
	repo, src := twoHosts(t)
	c := checker{t, []string{"RESTIC_REPOSITORY=" + repo, "SYNCLINE_CACHE_DIR=" + t.TempDir()}, src, outcome{}, testNames(t)}
	c.plain = runProgram(t, c.env, "snapshots", "--json")
	if c.plain.code != 0 {
		t.Fatal(c.plain)
	}
	for heading, lines := range page {
		for name, line := range lines {
			c.check(heading, name, line[0], line[1])
		}
	}
}

// checker compares lines of the page with the program.
type checker struct {
	t     *testing.T
	env   []string
	src   string
	plain outcome // without what is accepted
	tests map[string]bool
}

var inCode = regexp.MustCompile("`([^`]+)`")

func (c *checker) check(heading, name, how, note string) {
	value := ""
	if m := inCode.FindStringSubmatch(note); m != nil {
		value = m[1]
	}
	switch {
	case how == "honoured":
		for _, m := range inCode.FindAllStringSubmatch(note, -1) {
			if !c.tests[m[1]] {
				c.t.Errorf("%s: there is no test %s", name, m[1])
			}
		}
		if value == "" {
			c.t.Errorf("%s: no test shows that it is honoured", name)
		}
	case heading == "Commands": // TestResticCommands
	case how == "accepted":
		got := runProgram(c.t, c.with(heading, name, value), c.args(heading, name, value)...)
		if got.code != 0 || got.stdout != c.plain.stdout || got.stderr != "" {
			c.t.Errorf("%s=%s is not accepted: %+v", name, value, got)
		}
	default:
		got := runProgram(c.t, c.with(heading, name, value), c.args(heading, name, value)...)
		if got.code == 0 || !strings.Contains(got.stderr, name) {
			c.t.Errorf("%s=%s is not refused by name: %+v", name, value, got)
		}
	}
}

func (c *checker) with(heading, name, value string) []string {
	if heading == "Variables" {
		return append(slices.Clone(c.env), name+"="+value)
	}
	return c.env
}

func (c *checker) args(heading, name, value string) []string {
	args := []string{"snapshots", "--json"}
	switch {
	case heading == "Extended options" && strings.HasPrefix(name, "s3.enable"): // it matters there only
		return append(args, "-r", "s3:http://127.0.0.1:9/bucket", "-o", name+"="+value)
	case heading == "Extended options":
		return append(args, "-o", name+"="+value)
	case heading == "Variables":
		return args
	case value == "":
		return append(args, name)
	}
	return append(args, name+"="+value)
}

// testNames are the names of all tests.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t `).FindAllSubmatch(raw, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The password comes from a command, a file or a variable, and the place from a
// flag, a file or a variable, as in restic.
func TestPasswords(t *testing.T) {
	t.Parallel()
	repo, _ := twoHosts(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	right, wrong, place := write("right", resticfixture.Password+"\r\n"), write("wrong", "wrong"), write("place", repo+"\n")
	marked := write("marked", "\ufeff"+resticfixture.Password)
	for _, tt := range []struct {
		env, args []string
		code      int
		stderr    string
	}{
		{nil, []string{"-r", repo}, 0, ""},
		{nil, []string{"--repository-file", place, "--password-file", marked}, 0, ""},
		{[]string{"RESTIC_REPOSITORY_FILE=" + place, "RESTIC_PASSWORD_FILE=" + right, "RESTIC_PASSWORD=wrong"}, nil, 0, ""},
		{[]string{"RESTIC_REPOSITORY=" + repo, "RESTIC_PASSWORD_COMMAND=cat " + right}, nil, 0, ""},
		{nil, []string{"-r", repo, "--password-command", "cat '" + right + "'"}, 0, ""},
		{nil, []string{"-r", repo, "--password-file", wrong}, 12, "wrong password"},
		{nil, []string{"-r", repo, "--password-command", "cat " + wrong}, 12, "wrong password"},
		{[]string{"RESTIC_PASSWORD=wrong"}, []string{"-r", repo}, 12, "wrong password"},
		{nil, []string{"-r", repo, "--repository-file", place}, 1, "mutually exclusive"},
		{nil, []string{"-r", repo, "--password-file", right, "--password-command", "cat " + right}, 1, "mutually exclusive"},
		{nil, []string{"-r", repo, "--insecure-no-password"}, 1, "must not be specified together"},
		{[]string{"RESTIC_PASSWORD="}, []string{"-r", repo, "--insecure-no-password"}, 12, "wrong password"},
		{nil, nil, 1, "repository location"},
		{nil, []string{"-r", filepath.Join(dir, "none")}, 10, "does not exist"},
	} {
		args := append([]string{"snapshots", "--cache-dir", t.TempDir()}, tt.args...)
		if got := runProgram(t, tt.env, args...); got.code != tt.code || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("%q %q: exit code %d, %s", tt.env, tt.args, got.code, got.stderr)
		}
	}
}
