//go:build !windows

package databases

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/postgres"
	"syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	store "syncline.dev/syncline/internal/store/postgres"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// rounds is how often each database does all of it. The medians count.
const rounds = 5

// BenchmarkDatabases measures catalogs in PostgreSQL against catalogs in SQLite, in one
// run and in turns, on the repository in $REPO with the password in $RESTIC_PASSWORD.
// It prints a table. The repository has been written snapshot by snapshot, so that its
// state before the newest one is known from the times of its files.
func BenchmarkDatabases(b *testing.B) {
	repo := os.Getenv("REPO")
	if repo == "" {
		b.Skip("REPO names no repository")
	}
	older := filepath.Join(b.TempDir(), "older")
	late := withoutNewest(b, repo, older)
	server := pgtest.Start(b)
	direct, behind := server.Database(b), server.Database(b)
	far := pgtest.NewProxy(b, behind)
	far.SetDelay(time.Millisecond / 2)
	sides := []*side{
		{name: "SQLite", open: func(b *testing.B) catalog.Directory { return sqliteDirectory(b) }},
		{name: "PostgreSQL", open: func(b *testing.B) catalog.Directory { return database(b, server.SocketURL(name(direct))) }},
		{name: "PostgreSQL at 1 ms", open: func(b *testing.B) catalog.Directory { return database(b, far.URL()) }},
	}
	for b.Loop() {
		for round := range rounds {
			for i := range sides {
				sides[(i+round)%len(sides)].measure(b, repo, older, late)
			}
		}
	}
	b.Log("\n" + table(sides))
}

func name(url string) string {
	return strings.SplitN(url[strings.LastIndexByte(url, '/')+1:], "?", 2)[0]
}

// side is one database under measure.
type side struct {
	name string
	open func(b *testing.B) catalog.Directory

	first, more, page, search []time.Duration
	trip                      []time.Duration // of the shortest question
	size                      []time.Duration // bytes
}

const id = syncline.ID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")

func (s *side) measure(b *testing.B, repo, older string, late []string) {
	b.Helper()
	dir := s.open(b)
	defer dir.Close()
	ctx := b.Context()
	check(b, dir.Delete(ctx, id))
	at := filepath.Join(b.TempDir(), "repo")
	link(b, older, at, nil)
	debug.FreeOSMemory()
	s.first = append(s.first, synchronize(b, dir, at))
	for _, file := range late {
		check(b, os.Link(filepath.Join(repo, file), filepath.Join(at, file)))
	}
	s.more = append(s.more, synchronize(b, dir, at))
	s.size = append(s.size, time.Duration(s.disk(b, dir)))
	s.ask(b, dir)
}

// disk returns the bytes on disk. A database takes them once for all rounds, so the
// first round counts.
func (s *side) disk(b *testing.B, dir catalog.Directory) (n int64) {
	b.Helper()
	db, ok := dir.(closing)
	switch {
	case !ok:
		check(b, dir.Trim(b.Context(), id)) // the log is used again
		check(b, dir.Use(b.Context(), id, func(c *catalog.Catalog) (err error) {
			n, err = c.Size(b.Context())
			return err
		}))
	case len(s.size) > 0:
		n = int64(s.size[0])
	default:
		check(b, db.store.Pool().Conns().QueryRow(b.Context(), `SELECT pg_total_relation_size('syncline.catalog_values')`).Scan(&n))
	}
	return n
}

// ask measures pages and searches, each warm.
func (s *side) ask(b *testing.B, dir catalog.Directory) {
	b.Helper()
	ctx := b.Context()
	o := one{dir}
	x := &explore.Explorer{Points: &explore.RestorePoints{Catalogs: o, Repositories: o}}
	points, _, err := x.Points.List(ctx, []syncline.Repository{{ID: id}})
	check(b, err)
	point := points[len(points)-1].ID
	folders := foldersOf(b, x, point)
	page := func(path string) {
		_, err := x.Entries(ctx, point, explore.EntriesQuery{Path: path, Limit: 200})
		check(b, err)
	}
	for _, list := range [][]string{folders, folders} { // the second time, all is warm
		times := make([]time.Duration, 0, len(list))
		for _, path := range list {
			began := time.Now()
			page(path)
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		s.page = append(s.page, times[len(times)/2])
	}
	s.page = slices.Delete(s.page, len(s.page)-2, len(s.page)-1)
	s.trip = append(s.trip, trip(b, dir))
	searcher := explore.NewSearcher(o)
	var times []time.Duration
	for i := range 30 {
		q := explore.Query{Texts: []string{fmt.Sprint("a", i%10)}, Limits: explore.Limits{Results: 50}}
		began := time.Now()
		_, err := searcher.Search(ctx, []syncline.Repository{{ID: id}}, q)
		check(b, err)
		if i >= 10 {
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	s.search = append(s.search, times[len(times)/2])
}

// trip measures how long a database takes to answer at all, 0 for one in the process.
func trip(b *testing.B, dir catalog.Directory) time.Duration {
	b.Helper()
	db, ok := dir.(closing)
	if !ok {
		return 0
	}
	var times []time.Duration
	for range 200 {
		var n int
		began := time.Now()
		check(b, db.store.Pool().Conns().QueryRow(b.Context(), "SELECT 1").Scan(&n))
		times = append(times, time.Since(began))
	}
	return median(times)
}

// foldersOf returns 200 folders, the same for each database.
func foldersOf(b *testing.B, x *explore.Explorer, point syncline.ID) []string {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var folders []string
	for range 200 {
		path := "/"
		for {
			p, err := x.Entries(b.Context(), point, explore.EntriesQuery{Path: path, Limit: 200})
			check(b, err)
			var below []string
			for _, e := range p.Entries {
				if e.Type == syncline.TypeDir {
					below = append(below, e.Name)
				}
			}
			if len(below) == 0 {
				break
			}
			path = strings.TrimSuffix(path, "/") + "/" + below[rng.IntN(len(below))]
		}
		folders = append(folders, path)
	}
	return folders
}

// one provides the one repository.
type one struct{ dir catalog.Directory }

func (o one) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return o.dir.Read(ctx, id, fn)
}

func (o one) Repositories(context.Context) ([]syncline.Repository, error) {
	return []syncline.Repository{{ID: id}}, nil
}

type silent struct{}

func (silent) Progress(int, syncline.SessionStatistics) {}
func (silent) Log(syncline.LogLevel, string)            {}
func (silent) Behind()                                  {}

func synchronize(b *testing.B, dir catalog.Directory, repo string) time.Duration {
	b.Helper()
	ctx := b.Context()
	st, err := local.Open(ctx, repo)
	check(b, err)
	defer st.Close()
	counter := storage.NewCounter(st)
	began := time.Now()
	opened, err := resticrepo.Open(ctx, counter, os.Getenv("RESTIC_PASSWORD"))
	check(b, err)
	unlocked := time.Since(began)
	check(b, dir.Use(ctx, id, func(c *catalog.Catalog) error {
		_, err := syncer.Run(ctx, syncer.Params{
			Opened:  place.Opened{Repository: opened, Counter: counter},
			Catalog: c, Reporter: silent{}, Logger: slog.New(slog.DiscardHandler),
		})
		return err
	}))
	return time.Since(began) - unlocked // the key takes as long with each database
}

func sqliteDirectory(b *testing.B) catalog.Directory {
	b.Helper()
	dir, err := sqlite.OpenDir(b.TempDir(), nil)
	check(b, err)
	return dir
}

// closing closes the store with its directory.
type closing struct {
	*postgres.Directory
	store *store.Store
}

func (c closing) Close() {
	c.Directory.Close()
	_ = c.store.Close() // the benchmark is over
}

func database(b *testing.B, url string) catalog.Directory {
	b.Helper()
	s, err := store.Open(b.Context(), url)
	check(b, err)
	return closing{postgres.OpenDirectory(s.Pool().Conns(), postgres.Options{}), s}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

func table(sides []*side) string {
	var t strings.Builder
	t.WriteString("| | " + sides[0].name)
	for _, s := range sides[1:] {
		t.WriteString(" | " + s.name + " | ratio")
	}
	t.WriteString(" |\n|---|" + strings.Repeat("--:|", 2*len(sides)-1) + "\n")
	for _, row := range []struct {
		name string
		of   func(*side) []time.Duration
		show func(time.Duration) string
	}{
		{"first synchronization", func(s *side) []time.Duration { return s.first }, shown},
		{"one more snapshot", func(s *side) []time.Duration { return s.more }, shown},
		{"warm page of a folder", func(s *side) []time.Duration { return s.page }, shown},
		{"shortest question", func(s *side) []time.Duration { return s.trip }, shown},
		{"warm search", func(s *side) []time.Duration { return s.search }, shown},
		{"bytes on disk", func(s *side) []time.Duration { return s.size }, func(d time.Duration) string { return fmt.Sprintf("%.1f MB", float64(d)/1e6) }},
	} {
		base := median(row.of(sides[0]))
		fmt.Fprintf(&t, "| %s | %s", row.name, row.show(base))
		for _, s := range sides[1:] {
			m := median(row.of(s))
			ratio := ""
			if base > 0 {
				ratio = fmt.Sprintf("%.2f", float64(m)/float64(base))
			}
			fmt.Fprintf(&t, " | %s | %s", row.show(m), ratio)
		}
		t.WriteString(" |\n")
	}
	return t.String()
}

func shown(d time.Duration) string { return d.Round(max(d/1000, 1)).String() }
