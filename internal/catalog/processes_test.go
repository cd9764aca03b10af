package catalog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/sqlite"
)

// The test binary starts itself again as a process that writes to a catalog.
// It does what it reads, and answers each line with a line.
const (
	writerFile = "SYNCLINE_TEST_CATALOG"
	writerSeed = "SYNCLINE_TEST_SEED"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(writerFile); file != "" {
		seed, err := strconv.ParseUint(os.Getenv(writerSeed), 10, 64)
		if err == nil {
			err = serveWriter(file, seed, os.Stdin, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func writerModel(seed uint64) *model {
	m := newModel(seed)
	m.grow(60, 3)
	return m
}

func serveWriter(file string, seed uint64, in io.Reader, out io.Writer) error {
	ctx := context.Background()
	return withCatalog(ctx, file, func(c *catalog.Catalog) error {
		return answerLines(ctx, &writerProcess{m: writerModel(seed), c: c}, in, out)
	})
}

// withCatalog runs fn with the catalog at a place: a file, or a database.
func withCatalog(ctx context.Context, place string, fn func(*catalog.Catalog) error) error {
	if strings.HasPrefix(place, "postgres://") {
		return inDatabase(ctx, place, fn)
	}
	c, err := sqlite.OpenCatalog(ctx, place)
	if err != nil {
		return err
	}
	return errors.Join(fn(c), c.Close())
}

func answerLines(ctx context.Context, w *writerProcess, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		answer := "ok"
		switch err := w.do(ctx, lines.Text()); {
		case errors.Is(err, catalog.ErrConflict):
			answer = "conflict"
		case err != nil:
			answer = "failed: " + err.Error()
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

type writerProcess struct {
	m *model
	c *catalog.Catalog
	b *catalog.Builder
}

func (w *writerProcess) do(ctx context.Context, what string) (err error) {
	switch what {
	case "build":
		w.b, err = w.c.Build(ctx)
		return err
	case "add":
		return w.m.feed(w.b, 1, w.m.order)
	case "flush":
		err = w.b.Flush(ctx)
		w.b.Close()
		return err
	case "publish":
		gaps, err := w.c.Publish(ctx, w.m.snapshots, nil)
		if err == nil && len(gaps) > 0 {
			err = fmt.Errorf("%d gaps", len(gaps))
		}
		return err
	case "unload":
		w.c.Unload()
		return nil
	case "session":
		return w.session(ctx)
	}
	if seed, ok := strings.CutPrefix(what, "model "); ok {
		n, err := strconv.ParseUint(seed, 10, 64)
		w.m = writerModel(n)
		return err
	}
	return fmt.Errorf("%q is nothing that a writer does", what)
}

// session synchronizes until no other writer comes first. Each try flushes in
// the middle, so that writers meet.
func (w *writerProcess) session(ctx context.Context) error {
	for {
		err := w.try(ctx)
		w.c.Unload()
		if !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}

func (w *writerProcess) try(ctx context.Context) error {
	b, err := w.c.Build(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if b != nil {
			b.Close()
		}
	}()
	for _, h := range w.m.order {
		if b.Has(h) {
			continue
		}
		if err := errors.Join(w.m.add(b.NewAdder(), h), b.Flush(ctx)); err != nil {
			return err
		}
	}
	b.Close()
	b = nil
	return w.do(ctx, "publish")
}

// startWriter starts a process that writes to the catalog at a place; tell has it
// do something and returns its answer.
func startWriter(t *testing.T, file string, seed uint64) (tell func(string) string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerFile+"="+file, writerSeed+"="+fmt.Sprint(seed))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the writer ended with %v", err)
		}
	})
	answers := bufio.NewReader(out)
	return func(what string) string {
		if _, err := fmt.Fprintln(in, what); err != nil {
			return err.Error()
		}
		line, err := answers.ReadString('\n')
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(line)
	}
}

// published returns what a catalog shows that holds just the models' snapshots.
func published(t *testing.T, models ...*model) string {
	t.Helper()
	c := inMemory(t)
	for _, m := range models {
		m.build(t, c, 1, m.order)
		m.publish(t, c)
	}
	return dump(t, c)
}

// TestTwoProcesses has two processes build from the same state of one file. The
// later one is refused, begins again, and both have published in the end. If it
// were not refused, its blocks would lie in the place of those that the first
// one's trees name.
func TestTwoProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c")
	check(t, open(t, openSQLite(t, file)).Close())
	one, two := startWriter(t, file, 1), startWriter(t, file, 2)
	for i, step := range []struct {
		tell       func(string) string
		what, want string
	}{
		{one, "build", "ok"},
		{two, "build", "ok"},
		{one, "add", "ok"},
		{one, "flush", "ok"},
		{two, "add", "ok"},
		{two, "flush", "conflict"},
		{one, "publish", "ok"},
		{two, "publish", "conflict"}, // until its session ends
	} {
		if got := step.tell(step.what); got != step.want {
			t.Errorf("step %d, %s: %s, want %s", i, step.what, got, step.want)
		}
	}
	box := openSQLite(t, file)
	c := open(t, box)
	wantDump(t, dump(t, c), published(t, writerModel(1)))
	for _, what := range []string{"unload", "build", "add", "flush", "publish"} {
		if got := two(what); got != "ok" {
			t.Errorf("%s in a session that begins anew: %s", what, got)
		}
	}
	wantDump(t, dump(t, c), published(t, writerModel(1), writerModel(2)))
}

// TestTwoProcessesAtOnce has two processes synchronize whenever they can.
func TestTwoProcessesAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c")
	check(t, open(t, openSQLite(t, file)).Close())
	answers := make(chan string)
	for seed := range uint64(2) {
		tell := startWriter(t, file, 3+seed)
		go func() { answers <- tell("session") }()
	}
	for range 2 {
		if got := <-answers; got != "ok" {
			t.Errorf("a writer answers %s", got)
		}
	}
	c := open(t, openSQLite(t, file))
	wantDump(t, dump(t, c), published(t, writerModel(3), writerModel(4)))
}
