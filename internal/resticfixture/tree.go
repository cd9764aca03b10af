package resticfixture

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// oddNames are the names of some of MakeTree's files. All are valid UTF-8 and
// possible on any Unix.
var oddNames = []string{
	`quote".txt`, `back\slash`, "new\nline", "tab\there", "-leading-dash", "trailing space ",
	" leading space", "émigré", "e\u0301migre\u0301", "emoji 🗄️.bin", "right\u200fto\u200eleft",
	"<html>&amp;", "%41%2f", "a'b", "*?[x]", "~", "..hidden", "...", "CON", "日本語", "\u2028sep",
	strings.Repeat("n", 255), "\x01ctrl\x7f", "{\"name\":\"x\"}", "},{\"name\":\"", "\u0000"[:0] + "$(id)",
}

// MakeTree writes about the given number of files into dir, in folders of
// varied depth and size, some of them with odd names. The same seed gives the
// same names, contents, modes and modification times.
func MakeTree(t testing.TB, dir string, seed uint64, files int) {
	t.Helper()
	m := maker{t: t, rng: rand.New(rand.NewPCG(seed, 1))}
	dirs := []string{dir}
	for len(dirs) < 2+files/8 {
		sub := filepath.Join(dirs[m.rng.IntN(len(dirs))], m.name("dir"))
		if strings.Count(strings.TrimPrefix(sub, dir), "/") > 12 {
			continue
		}
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, sub)
	}
	for range files {
		m.write(filepath.Join(dirs[m.rng.IntN(len(dirs))], m.name("file")))
	}
	// Folders come last, the deepest first, because writing into a folder
	// changes its time.
	slices.Reverse(dirs)
	for _, d := range dirs {
		m.setTime(d)
	}
}

// MutateTree changes a fraction, between 0 and 1, of the files below dir, and
// at least one of them. A file gets new contents, a new name or another mode,
// is removed, or gets another file beside it. The same seed on the same tree
// makes the same changes.
func MutateTree(t testing.TB, dir string, seed uint64, fraction float64) {
	t.Helper()
	m := maker{t: t, rng: rand.New(rand.NewPCG(seed, 2))}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s has no files to change", dir)
	}
	m.rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for i, f := range files[:min(len(files), max(1, int(float64(len(files))*fraction)))] {
		// The first change is always one that a backup can see.
		switch p := m.rng.IntN(10); {
		case i == 0 || p < 5:
			m.write(f)
		case p < 6:
			m.check(os.Rename(f, filepath.Join(filepath.Dir(f), m.name("renamed"))))
		case p < 7:
			m.check(os.Remove(f))
		case p < 8:
			m.check(os.Chmod(f, fs.FileMode(0o400+m.rng.IntN(0o377))))
		default:
			m.write(filepath.Join(filepath.Dir(f), m.name("added")))
		}
	}
}

type maker struct {
	t   testing.TB
	rng *rand.Rand
	n   int
}

func (m *maker) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// name returns a new name. One in ten is odd.
func (m *maker) name(kind string) string {
	m.n++
	if runtime.GOOS != "linux" || m.rng.IntN(10) > 0 {
		return fmt.Sprintf("%s-%04d-%x", kind, m.n, m.rng.Uint32())
	}
	odd := oddNames[m.rng.IntN(len(oddNames))]
	if len(odd) > 200 {
		odd = odd[:200]
	}
	return fmt.Sprintf("%s%s%d%x", odd, kind[:1], m.n, m.rng.Uint32())
}

func (m *maker) write(name string) {
	m.t.Helper()
	b := make([]byte, m.rng.IntN(3000))
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz      \n"[m.rng.IntN(33)]
	}
	m.check(os.WriteFile(name, b, 0o644))
	m.check(os.Chmod(name, fs.FileMode(0o400+m.rng.IntN(0o377))))
	m.setTime(name)
}

func (m *maker) setTime(name string) {
	m.t.Helper()
	at := time.Unix(m.rng.Int64N(2_000_000_000), m.rng.Int64N(1_000_000_000))
	m.check(os.Chtimes(name, at, at))
}
