package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/internal/resticfixture"
)

// findNames are what the files and folders are called: the same letters in
// several normal forms, letters whose case is special, names that are no
// UTF-8, and what patterns, shells, terminals and JSON take for something else.
var findNames = []string{
	"a", "b", "ab", "notes.txt", "NOTES.TXT", "Notes.txt.bak", ".hidden", "..x", "-v", "--", " ", "a b", "x ",
	"é", "e\u0301", "E\u0301", "É", "u\u0308ber", "über", "ÜBER", "\u1e69", "s\u0323\u0307", "s\u0307\u0323", "\ufb01n", "fin",
	"\u212a", "k", "K", "\u0130", "i", "I", "ı", "straße", "STRASSE", "Σίσυφος", "σίσυφοσ", "日本語", "🗄️", "a\u200db", "\u202eevil",
	"\xff", "\xfe\xff", "a\xffb", "latin-\xe9", "\xc3", "\xed\xa0\x80",
	"*", "?", "[x]", "[", "]", "a*b", `\`, `a\b`, `\*`, "!a", "!", "**", "***", "^", "a-b",
	"new\nline", "tab\t", "\x1b[31mred", "\x01", "q\"uote", "<b>&", "%41", "$(id)", "`", "{a,b}", "~", "CON", strings.Repeat("n", 255),
}

// findTree writes files and folders with these names below dir.
func findTree(t *testing.T, rng *rand.Rand, dir string, count int) {
	t.Helper()
	dirs := []string{dir}
	for len(dirs) < count/4 {
		sub := filepath.Join(dirs[rng.IntN(len(dirs))], findNames[rng.IntN(len(findNames))])
		if strings.Count(sub[len(dir):], "/") > 6 {
			continue
		}
		if err := os.Mkdir(sub, 0o755); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, sub)
	}
	for i := range count {
		name := filepath.Join(dirs[rng.IntN(len(dirs))], findNames[rng.IntN(len(findNames))])
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := os.WriteFile(name, fmt.Append(nil, i), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rng.Int64N(1_700_000_000), 0)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// findRepository makes three snapshots of two hosts, in which most is the same.
func findRepository(t *testing.T, rng *rand.Rand) string {
	t.Helper()
	repo, source := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	findTree(t, rng, source, 300)
	for i := range 3 {
		if i > 0 {
			resticfixture.MutateTree(t, source, uint64(i), 0.1)
		}
		resticfixture.Backup(t, repo, source, "--host", fmt.Sprint("host", i%2), "--tag", fmt.Sprint("t", i),
			"--time", fmt.Sprintf("2026-11-2%d 10:00:00", i))
	}
	return repo
}

// findPattern makes a pattern, as a rule of names that are there.
func findPattern(rng *rand.Rand) string {
	var parts []string
	for range 1 + rng.IntN(1+rng.IntN(4)) {
		name := []rune(findNames[rng.IntN(len(findNames))])
		switch rng.IntN(8) {
		case 0:
			parts = append(parts, "*")
		case 1:
			parts = append(parts, "**")
		case 2:
			parts = append(parts, "*"+string(name[rng.IntN(len(name)):])+"*")
		case 3:
			parts = append(parts, string(name[:rng.IntN(len(name)+1)])+"*")
		case 4:
			name[rng.IntN(len(name))] = '?'
			parts = append(parts, string(name))
		case 5:
			parts = append(parts, []string{"[a-c]*", "[^a-z]", `\**`, "[\\]]", "?", "??", "[é-ü]*", "*[ -/]*", "\xff*", "*\xe9"}[rng.IntN(10)])
		default: // as it is, raw bytes included
			parts = append(parts, findNames[rng.IntN(len(findNames))])
		}
	}
	text := strings.Join(parts, "/")
	if rng.IntN(6) == 0 {
		text = "/**/" + text
	}
	if strings.HasPrefix(text, "-") {
		text = "./" + text
	}
	return text
}

// found is what restic's JSON of find says: the paths in the snapshots and with
// what fields, where the time of modification is one to keep.
func found(t *testing.T, raw string, keep func(time.Time) bool) map[string]string {
	t.Helper()
	var list []struct {
		Matches  []map[string]any `json:"matches"`
		Hits     int              `json:"hits"`
		Snapshot string           `json:"snapshot"`
	}
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	out := make(map[string]string)
	for _, s := range list {
		if s.Hits != len(s.Matches) {
			t.Errorf("%d hits for %d matches", s.Hits, len(s.Matches))
		}
		for _, m := range s.Matches {
			at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(m["mtime"]))
			if err != nil {
				t.Fatal(err)
			}
			if keep != nil && !keep(at) {
				continue
			}
			delete(m, "inode") // which restic 0.14 leaves out
			// Names that are no UTF-8 can look the same.
			out[fmt.Sprintf("%.8s %s", s.Snapshot, m["path"])] += fmt.Sprint(m) + "\n"
		}
	}
	return out
}

// TestFindIsRestics compares with restic, pattern by pattern.
func TestFindIsRestics(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	rng := rand.New(rand.NewPCG(11, 12))
	repo := findRepository(t, rng)
	cache := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	if r := runProgram(t, cache, "-r", repo, "sync"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	rounds, group := 220, errgroup.Group{}
	if testing.Short() {
		rounds = 30
	}
	var hits, empty atomic.Int64
	group.SetLimit(4)
	for _, q := range findQueries(rng, rounds) {
		group.Go(func() error {
			args := append([]string{"find", "--json"}, q.args...)
			want := found(t, string(resticfixture.Run(t, repo, append(args, "--no-lock")...)), q.keep)
			got := runProgram(t, cache, slices.Concat([]string{"-r", repo, "--no-sync"}, args, q.times)...)
			if got.code != 0 {
				return fmt.Errorf("%q: %s", args, got.stderr)
			}
			if mine := found(t, got.stdout, nil); !maps.Equal(mine, want) {
				t.Errorf("%q %q: %d paths, restic finds %d", q.times, args, len(mine), len(want))
				compareFound(t, want, mine)
			}
			if len(want) == 0 {
				empty.Add(1)
			}
			hits.Add(int64(len(want)))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d patterns, %d of them without a match; %d paths found", rounds, empty.Load(), hits.Load())
	if hits.Load() < int64(20*rounds) || empty.Load() > int64(rounds*2/3) {
		t.Error("the patterns find too little to tell anything")
	}
}

// findQuery is a call of find. keep chooses modification times as times does,
// because restic 0.14 leaves out some entries when it filters by time.
type findQuery struct {
	args, times []string
	keep        func(time.Time) bool
}

// findQueries makes calls of find, each with a pattern of its own and some with
// more patterns and with filters.
func findQueries(rng *rand.Rand, count int) (queries []findQuery) {
	tried := make(map[string]bool)
	at := time.Date(2000, 1, 1, 12, 0, 0, 0, time.Local)
	for len(queries) < count {
		var q findQuery
		if rng.IntN(3) == 0 {
			q.args = []string{"-i"}
		}
		switch rng.IntN(8) {
		case 0:
			q.args = append(q.args, "--host", "host0")
		case 1:
			q.args = append(q.args, "--tag", "t1")
		case 2:
			q.args = append(q.args, "--snapshot", "latest")
		case 3:
			q.times, q.keep = []string{"--newest", "2000-01-01 12:00"}, func(t time.Time) bool { return !t.After(at) }
		case 4:
			q.times, q.keep = []string{"--oldest", "01.01.2000 12:00:00"}, func(t time.Time) bool { return !t.Before(at) }
		}
		pattern := findPattern(rng)
		q.args = append(q.args, pattern)
		for rng.IntN(8) == 0 {
			q.args = append(q.args, findPattern(rng))
		}
		if tried[pattern] || slices.ContainsFunc(q.args, func(a string) bool { return !goodPattern(a) }) {
			continue
		}
		tried[pattern] = true
		queries = append(queries, q)
	}
	return queries
}

// goodPattern reports whether every part of a pattern is well formed: restic
// finds out late, and not always.
func goodPattern(text string) bool {
	for part := range strings.SplitSeq(text, "/") {
		if _, err := filepath.Match(part, ""); err != nil {
			return false
		}
	}
	return true
}

func compareFound(t *testing.T, want, got map[string]string) {
	t.Helper()
	n := 0
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] && n < 5 {
			t.Errorf("restic finds %q:\n%s\ninstead of\n%s", key, want[key], got[key])
			n++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if want[key] == "" && n < 5 {
			t.Errorf("restic does not find %q", key)
			n++
		}
	}
}

func TestFindForPeople(t *testing.T) {
	t.Parallel()
	src, repo := t.TempDir(), resticfixture.Init(t, 2)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(src, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for i := range 4 {
		if i == 0 || i == 3 {
			write("docs/report.pdf", strings.Repeat("x", 1+i/3))
		}
		if i == 0 {
			write("docs/Re\u0301sume\u0301 \x1b.txt", "cv")
			write("big", strings.Repeat("x", 3000))
		}
		id := resticfixture.Backup(t, repo, src, "--time", fmt.Sprintf("2026-11-2%d 10:00:00", i))
		ids = append(ids, id[:8]+fmt.Sprintf(" 2026-11-2%d 10:00:00", i))
	}
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	header := fmt.Sprintf("%-28s  %-28s  %9s  Path\n", "First snapshot", "Last snapshot", "Snapshots")
	line := func(first, last, count int, path string) string {
		return fmt.Sprintf("%s  %s  %9d  %s\n", ids[first], ids[last], count, path)
	}
	old, young := line(0, 2, 3, src+"/docs/report.pdf"), line(3, 3, 1, src+"/docs/report.pdf")
	resume := line(0, 3, 4, fmt.Sprintf("%q", src+"/docs/Re\u0301sume\u0301 \x1b.txt"))
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string // of stderr a part
	}{
		{[]string{"report.pdf"}, 0, header + young + old, ""},
		{[]string{"-R", "docs/rep*"}, 0, header + old + young, ""},
		{[]string{"-q", "-i", "REPORT.PDF"}, 0, young + old, ""},
		{[]string{"-c", "résum"}, 0, header + resume, ""},
		{[]string{"-c", "RÉSUMÉ", "BIG"}, 0, header + line(0, 3, 4, src+"/big") + resume, ""},
		{[]string{"-t", "f", "--min-size", "2", "*"}, 0, header + line(0, 3, 4, src+"/big") + resume + young, ""},
		{[]string{"--min-size", "2", "--max-size", "2k", "--type", "file,dir", "report*"}, 0, header + young, ""},
		{[]string{"--max-size", "0", "*"}, 0, "", "nothing found; snapshots searched: 4"},
		{[]string{"--newest", "2001-01-01", "*"}, 0, "", "nothing found"},
		{[]string{"--limit", "1", "report.pdf"}, 0, header + young, "stopped after 1 results (--limit); there are more"},
		{[]string{"--limit", "2", "report.pdf"}, 0, header + young + old, ""},
		{[]string{"--timeout", "1ns", "report.pdf"}, 0, "", "stopped after 1ns (--timeout) with 0 results; there may be more"},
		{[]string{"--json", "nosuch"}, 0, "[]\n", "nothing found"},
		{nil, 2, "", "requires at least 1 arg"},
		{[]string{"["}, 1, "", `the pattern "[" is not valid`},
		{[]string{"--type", "pipe", "x"}, 1, "", `--type "pipe" is not known`},
		{[]string{"--min-size", "1.5", "x"}, 1, "", `--min-size "1.5" is not a size`},
		{[]string{"--max-size", "99999999999T", "x"}, 1, "", "is not a size"},
		{[]string{"--min-size", "2", "--max-size", "1", "x"}, 1, "", "nothing can match"},
		{[]string{"--oldest", "yesterday", "x"}, 1, "", `--oldest "yesterday" is not a time`},
		{[]string{"--oldest", "2026-11-23", "--newest", "2026-11-22", "x"}, 1, "", "--oldest must specify a time before --newest"},
		{[]string{"--limit", "-1", "x"}, 1, "", "must not be negative"},
		{[]string{"--snapshot", "ffffffff", "x"}, 0, "", `ignoring "ffffffff": no matching ID found`},
		{[]string{"--snapshot", ids[0][:8], "--host", "x", "x"}, 0, "", "the filters are ignored"},
	} {
		got := runProgram(t, env, append([]string{"-r", repo, "find"}, tt.args...)...)
		if got.code != tt.code || got.stdout != tt.stdout || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("find %q: exit code %d, want %d\n%s\nwant\n%s\nstderr %s", tt.args, got.code, tt.code, got.stdout, tt.stdout, got.stderr)
		}
		if tt.stderr == "" && strings.Contains(got.stderr, "stopped") {
			t.Errorf("find %q is cut: %s", tt.args, got.stderr)
		}
	}
	long := runProgram(t, env, "-r", repo, "find", "-l", "--human-readable", "--limit", "1", "big")
	if !strings.Contains(long.stdout, "-rw-r--r--") || !strings.Contains(long.stdout, "2.930 KiB") {
		t.Errorf("the long form is %s", long.stdout)
	}
}
