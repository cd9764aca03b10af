package metrics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

// The rules, the dashboard and the document name metrics that exist, and the document
// names all of Syncline's.
func TestNamesInDocuments(t *testing.T) {
	w := &world{list: []syncline.Repository{{ID: "a", Name: "A"}}, series: map[syncline.ID][]explore.Series{"a": many(1)}}
	m := New(w, w, "1")
	m.Alarms, m.Checks, m.Machines, m.Nodes = w, w, w, w
	m.Database, m.Leases = func() DatabaseUse { return DatabaseUse{Calls: []CallTimes{{Call: "query"}}} }, func() LeaseUse { return LeaseUse{} }
	m.Opened("a", counts{"get data": 1})
	m.SessionEnded(syncline.Work{RepositoryID: "a", State: syncline.WorkFailed, StartedAt: time.Unix(1, 0), EndedAt: time.Unix(2, 0)})
	exists := make(map[string]bool)
	for _, line := range strings.Split(text(t, m), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "TYPE" {
			exists[f[2]] = true
		} else if name, _, _ := strings.Cut(line, "{"); strings.Contains(line, "{") {
			exists[name] = true // _bucket, too
		}
	}
	names := regexp.MustCompile(`\b(syncline|process|go)_[a-z_]+[a-z]\b`)
	for file, expressions := range map[string][]string{"alerts.yml": rules(t), "syncline.json": panels(t)} {
		if len(expressions) < 7 {
			t.Errorf("%s has %d expressions", file, len(expressions))
		}
		for _, e := range expressions {
			for _, name := range names.FindAllString(e, -1) {
				if !exists[name] {
					t.Errorf("%s: there is no metric %s", file, name)
				}
			}
		}
	}
	document := read(t, "docs/monitoring.md")
	for _, name := range names.FindAllString(document, -1) {
		if !exists[name] {
			t.Errorf("the document names %s", name)
		}
	}
	for name := range exists {
		if strings.HasPrefix(name, "syncline_") && !partOfHistogram.MatchString(name) && !strings.Contains(document, "| `"+name+"` |") {
			t.Errorf("the document does not explain %s", name)
		}
	}
}

var partOfHistogram = regexp.MustCompile(`_(bucket|sum|count)$`)

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// rules returns the expressions of the alert rules.
func rules(t *testing.T) (expressions []string) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Expr == "" {
				t.Errorf("a rule is %+v", r)
			}
			expressions = append(expressions, r.Expr)
		}
	}
	return expressions
}

// panels returns the expressions of the dashboard's panels.
func panels(t *testing.T) (expressions []string) {
	t.Helper()
	var file struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/syncline.json")), &file); err != nil {
		t.Fatal(err)
	}
	for _, p := range file.Panels {
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	return expressions
}
