package server_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/server"
)

var update = flag.Bool("update", false, "write the table of docs/configuration.md anew")

// The table in docs/configuration.md is what the source says. go generate writes it.
func TestConfigurationPage(t *testing.T) {
	const file, begin, end = "../../docs/configuration.md", "<!-- settings: written by go generate -->\n", "<!-- end of settings -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s lacks the marks of the table", file)
	}
	want := head + begin + settingsTable() + end + tail
	switch {
	case want == string(page):
	case *update:
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the settings say; run make generate and commit it", file)
	}
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| setting | variable | value | default | SIGHUP | meaning |\n| --- | --- | --- | --- | --- | --- |\n")
	chosen := server.DefaultSettings()
	table := chosen.Table()
	for i := range table {
		s := &table[i]
		if s.Hidden {
			continue
		}
		kind, help := s.Kind()
		byDefault, live := s.Default, ""
		if byDefault == "" && s.Text() != "" {
			byDefault = "`" + s.Text() + "`"
		}
		if _, list := s.Value.(*[]string); list {
			kind = "list of " + kind
		}
		if s.Live {
			live = "yes"
		}
		help, _, _ = strings.Cut(help, " (can be given")
		help, _, _ = strings.Cut(help, " (default:")
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s |\n", s.Name, s.Variable(), cmp.Or(kind, "true or false"), byDefault, live, strings.ReplaceAll(help, "|", "\\|"))
	}
	return b.String()
}
