package main

import (
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	var text strings.Builder
	c := &comparison{out: &text, synclineVersion: "syncline v2", releaseVersion: "syncline v1"}
	restic := usage{wall: 10 * time.Second, cpu: 9 * time.Second, peak: 50e6}
	c.pairedRow("`ls`", &restic, paired{this: costs(100, 100, 100, 100, 100), release: costs(200, 200, 200, 200, 200)})
	c.pairedRow("`find`", nil, paired{this: costs(300, 300, 300, 300, 300), release: costs(200, 200, 200, 200, 200), slow: []string{"time"}})
	c.pairedRow("`new`", nil, paired{this: costs(100)})
	c.faster("`ls`, against restic", restic, *c.rows[0].syncline, 0, 50)
	c.faster("`ls`, against restic, more", restic, *c.rows[0].syncline, 500, 1000)
	c.served = []row{{what: "page", syncline: c.rows[0].syncline, release: c.rows[0].release, pair: c.rows[0].pair}}
	c.report()
	for _, want := range []string{
		" syncline v2. The release: syncline v1.",
		"| `ls` |  | 10.0 s, 9.00 CPU, 50 MB | 0.10 s, 0.05 CPU, 0 MB | 100.0 | 0.20 s, 0.10 CPU, 0 MB | 0.50, CPU 0.50 |",
		"| `find` |  |  | 0.30 s, 0.15 CPU, 0 MB |  | 0.20 s, 0.10 CPU, 0 MB | **1.50**, CPU 1.50 |",
		"| `new` |  |  | 0.10 s, 0.05 CPU, 0 MB |  |  |  |",
		"| `ls`, against restic |  | 50 × | 100 × (0.100 s, 10.0 s) |  | yes |",
		"| `ls`, against restic, more | 500 × faster | 1,000 × | 100 × (0.100 s, 10.0 s) | **no** | **no** |",
		"| page | 100.00, 50.00 CPU | 200.00, 100.00 CPU | 0.50, CPU 0.50 |",
		"- **Slower than the release by more than the spread**, 1 of 3 rows: `find` (time).",
	} {
		if !strings.Contains(text.String(), want+"\n") {
			t.Errorf("no line %q in\n%s", want, text.String())
		}
	}
	text.Reset()
	c.rows, c.served = c.rows[:1], nil
	c.report()
	if want := "- No row of the 1 with at least 5 turns is slower than the release by more than the spread.\n"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("no end %q in\n%s", want, text.String())
	}
	text.Reset()
	c.releaseVersion = ""
	c.report()
	if !strings.HasSuffix(text.String(), "- No release was measured beside this program.\n") {
		t.Errorf("without a release:\n%s", text.String())
	}
}

func TestReadmeTable(t *testing.T) {
	c := &comparison{resticVersion: "restic 0.19.1 compiled with go1", files: 400_003, snapshots: make([]string, 10), restored: 25_089}
	c.answer(unasked, columnSyncline, usage{wall: time.Hour})
	c.answer(findName, columnSyncline, usage{wall: 53 * time.Millisecond})
	c.answer(findName, columnRestic, usage{wall: 41500 * time.Millisecond})
	c.answer(restoreSmall, columnSyncline, usage{wall: 3300 * time.Millisecond})
	c.answer(restoreSmall, columnRestic, usage{wall: 4800 * time.Millisecond})
	c.answer(diffNewest, columnRestic, usage{wall: time.Second}) // that of one program alone
	want := "| seconds | Syncline | restic 0.19.1 |\n| --- | --- | --- |\n" +
		"| `find` a name in all snapshots | 0.05 | 42 |\n| `restore` of 25,089 small files | 3.3 | 4.8 |\n\n" +
		"The repository has 400,003 files in 10 snapshots on a local disk. "
	if got := c.readme(); !strings.HasPrefix(got, want) || strings.Contains(got, "kopia") {
		t.Errorf("%s", got)
	}
	c.kopiaVersion = "kopia 0.21.1"
	c.answer(restoreSmall, columnKopia, usage{wall: 5 * time.Second})
	got := c.readme()
	for _, want := range []string{
		"| seconds | Syncline | restic 0.19.1 | kopia 0.21.1 |\n| --- | --- | --- | --- |\n",
		"| 0.05 | 42 |  |\n", "| 3.3 | 4.8 | 5.0 |\n", "kopia has its own repository of the same files, and no search.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for n, want := range map[float64]string{7: "7", 999: "999", 1000: "1,000", 25_089: "25,089", 4_000_012: "4,000,012"} {
		if got := grouped(n); got != want {
			t.Errorf("%v is %s", n, got)
		}
	}
}

// TestKopiaAnswers reads kopia's lines as restic's.
func TestKopiaAnswers(t *testing.T) {
	list := "k12/a\nk12/dir/\nk12/dir/b (c)\n"
	if err := sameSet("ls", kopiaPaths([]byte(list), "k12"), listed([]byte("snapshot x of [/data]:\n/data\n/data/a\n/data/dir\n/data/dir/b (c)\n"))); err != nil {
		t.Error(err)
	}
	kopia := "./a sizes differ: 439 161\nchanged ./a at x at 2024-08-09 01:31:02 +0000 UTC (size 439 -> 161)\n./dir modification times differ: 1 2\n" +
		"added file ./dir/b (c) (137 bytes)\nremoved file ./old (1 bytes)\nadded directory ./new\n"
	restic := "comparing snapshot 1 to 2:\n\nM    /data/a at x\n+    /data/dir/b (c)\n-    /data/old\n+    /data/new/\n\nFiles: 1 new\n"
	if err := sameSet("diff", kopiaChanges([]byte(kopia)), changes([]byte(restic))); err != nil {
		t.Error(err)
	}
	if err := sameSet("diff", kopiaChanges([]byte(kopia)), changes([]byte(restic+"M    /data/more\n"))); err == nil || !strings.Contains(err.Error(), "/data/more") {
		t.Errorf("an item that kopia lacks: %v", err)
	}
}
