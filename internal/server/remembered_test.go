package server

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/freshness"
)

// boundedMaps are the maps by id that outlive a call, with what ends their entries. "tidy"
// is remembered.tidy. A map that is of one call, or of one answer, says "call".
var boundedMaps = map[string]string{
	"explore.RestorePoints.lists":     "tidy",
	"explore.Statistics.repositories": "tidy",
	"freshness.Keeper.checked":        "tidy",
	"server.source.kept":              "tidy, and maxKept",
	"place.Opener.limiters":           "tidy",
	"shares.Service.accounts":         "tidy",
	"metrics.Metrics.failures":        "tidy",
	"metrics.Metrics.requests":        "tidy",
	"metrics.Metrics.sessions":        "tidy",

	"postgres.Directory.open": "maxOpen",
	"postgres.list.damaged":   "read anew each second",
	"sqlite.Dir.open":         "no other node, and maxOpen",
	"sqlite.Dir.paths":        "no other node",
	"sqlite.Dir.isDamaged":    "no other node",
	"server.slow.limits":      "the demonstration's own repositories",
	"schedule.Service.turns":  "the list of repositories at each look",
	"schedule.shared.asks":    "taken at each look",
	"schedule.shared.taken":   "read anew at each look",
	"folders.Watcher.wanted":  "the turns of the schedule",
	"folders.loop.folders":    "the turns of the schedule",
	"notify.Service.busy":     "the end of the sender",
	"notify.Service.calls":    "the list of channels at each look",
	"notify.Service.ill":      "the list of channels at each look",
	"notify.Network.chats":    "the end of the attempt",
	"series.Service.seen":     "the list of repositories at each report",
	"series.Service.pending":  "taken at each look",
	"series.looks.heard":      "the list of repositories at each report",
	"series.looks.known":      "the list of repositories at each report",
	"series.looks.recorded":   "the list of repositories at each report",
	"series.shared.checked":   "read anew at each turn",
	"series.shared.handled":   "the list of work at each turn",
	"series.shared.loaded":    "the list of repositories at each report, and keepMarks",
	"run.Service.held":        "the end of the change",
	"run.Service.leaving":     "the end of the removal",
	"alarm.Desk.leaving":      "the end of the removal",
	"run.Service.running":     "the end of the work",
	"run.Service.watchers":    "the end of the watch",
	"run.holds.all":           "the end of the change",
	"run.kind.busy":           "the end of the work",
	"run.unrecorded.work":     "the record of the end, or the end of the attempts",

	"api.requestFacts.storages": "call",
	"declare.exporter.labels":   "call",
	"declare.planner.declared":  "call",
	"explore.pointList.ids":     "call; RestorePoints.lists keeps it",
	"series.observation.watch":  "call",
	"series.state.examined":     "call",
	"series.state.looks":        "call",
	"series.state.series":       "call",

	"catalogtest.Memory.works":             "tests",
	"catalogtest.MemoryDirectory.catalogs": "tests",
	"catalogtest.MemoryDirectory.damaged":  "tests",
}

// TestMapsByIDAreBounded finds every map by id in the fields of the program's types, and
// asks for what ends its entries. Another node removes a repository, an account or a node
// without a word, so a map that only hears of removals here grows for ever.
func TestMapsByIDAreBounded(t *testing.T) {
	found := map[string]bool{}
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && isMapByID(v.Type) {
					found[file.Name.Name+"."+v.Names[0].Name] = true
				}
				s, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				ast.Inspect(s.Type, func(n ast.Node) bool {
					field, ok := n.(*ast.Field)
					if ok && isMapByID(field.Type) {
						for _, name := range field.Names {
							found[file.Name.Name+"."+s.Name.Name+"."+name.Name] = true
						}
					}
					_, isFunc := n.(*ast.FuncType)
					return !isFunc
				})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if boundedMaps[name] == "" {
			t.Errorf("%s is a map by id; say in boundedMaps what ends its entries", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(boundedMaps)) {
		if !found[name] {
			t.Errorf("%s is no map by id any more; take it out of boundedMaps", name)
		}
	}
}

// isMapByID reports whether a type is a map whose key is an id, or a struct or a text that
// may have one in it.
func isMapByID(x ast.Expr) bool {
	m, ok := x.(*ast.MapType)
	if !ok {
		return false
	}
	switch key := m.Key.(type) {
	case *ast.SelectorExpr:
		of, ok := key.X.(*ast.Ident)
		return ok && of.Name == "syncline" && key.Sel.Name == "ID"
	case *ast.Ident:
		return key.Name == "ID" || key.Name == "hold" || key.Name == "held"
	}
	return false
}

// lists is a store of repositories and accounts.
type lists struct {
	repositories []syncline.Repository
	accounts     []syncline.Account
}

func (l *lists) Repositories(context.Context) ([]syncline.Repository, error) {
	return l.repositories, nil
}
func (l *lists) Accounts(context.Context) ([]syncline.Account, error) { return l.accounts, nil }

func (l *lists) Repository(_ context.Context, id syncline.ID) (syncline.Repository, error) {
	for _, r := range l.repositories {
		if r.ID == id {
			return r, nil
		}
	}
	return syncline.Repository{}, syncline.Errorf(syncline.CodeNotFound, "no repository")
}

func (l *lists) SetOutOfSync(context.Context, syncline.ID, bool) error { return nil }

// Another node removes repositories and an account: what this node keeps of them goes, and
// what it keeps of the others stays.
func TestForgetsWhatOthersRemove(t *testing.T) {
	ctx, dir, known := t.Context(), catalogtest.NewMemoryDirectory(nil), &lists{}
	t.Cleanup(dir.Close)
	keeper := &freshness.Keeper{Dir: dir, Store: known, Logger: slog.New(slog.DiscardHandler)}
	points := &explore.RestorePoints{Catalogs: keeper, Repositories: keeper}
	statistics := &explore.Statistics{Points: points}
	for i := range 20 {
		r := syncline.Repository{ID: syncline.ID(fmt.Sprint("r", i)), Name: fmt.Sprint(i)}
		err := dir.Use(ctx, r.ID, func(c *catalog.Catalog) error {
			if _, err := c.PublishLost(ctx, []syncline.Snapshot{{ID: syncline.Hash{byte(i)}, Tree: syncline.Hash{1}}}); err != nil {
				return err
			}
			return c.SetSynchronized(ctx, syncline.Hash{1})
		})
		if err != nil {
			t.Fatal(err)
		}
		known.repositories = append(known.repositories, r)
	}
	if _, _, err := points.List(ctx, known.repositories); err != nil {
		t.Fatal(err)
	}
	for _, r := range known.repositories {
		if _, err := statistics.Repository(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
	}
	kept := &remembered{store: known, ofRepositories: []remembering{points, statistics, keeper}, log: slog.New(slog.DiscardHandler)}
	for _, left := range []int{20, 3, 0} {
		known.repositories = known.repositories[:left]
		if err := kept.tidy(ctx); err != nil {
			t.Fatal(err)
		}
		for _, one := range kept.ofRepositories {
			if got := one.Remembered(); len(got) != left {
				t.Errorf("of %d repositories %T remembers %v", left, one, got)
			}
		}
	}
}
