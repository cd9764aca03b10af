package demorepo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/resticfixture"
)

func TestExtract(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	repo, err := Extract(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "repository"); repo != want {
		t.Fatalf("extracted to %s, want %s", repo, want)
	}
	resticfixture.RunAs(t, repo, Password, "check", "--read-data")
	var snapshots []struct {
		Time     time.Time `json:"time"`
		Hostname string    `json:"hostname"`
		Tags     []string  `json:"tags"`
	}
	if err := json.Unmarshal(resticfixture.RunAs(t, repo, Password, "snapshots", "--json"), &snapshots); err != nil {
		t.Fatal(err)
	}
	hosts, tags := map[string]bool{}, map[string]bool{}
	for _, s := range snapshots {
		hosts[s.Hostname] = true
		for _, tag := range s.Tags {
			tags[tag] = true
		}
	}
	if len(snapshots) < 10 || len(hosts) != 2 || len(tags) < 3 {
		t.Fatalf("%d snapshots, hosts %v, tags %v", len(snapshots), hosts, tags)
	}
	first, last := snapshots[0].Time, snapshots[len(snapshots)-1].Time
	if age := time.Since(last); age < time.Hour || age > 2*time.Hour || last.Sub(first).Round(time.Hour) != 1106*time.Hour {
		t.Errorf("the snapshots are from %v to %v", first, last)
	}
}

func TestExtractWritesOverNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "repository"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(dir); syncline.CodeOf(err) != syncline.CodeConflict {
		t.Fatalf("got %v, want a conflict", err)
	}
}

func TestExtractWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(filepath.Join(file, "new")); syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Fatalf("got %v, want unavailable", err)
	}
}

func TestExtractRefuses(t *testing.T) {
	tests := map[string][]tar.Header{
		"a name above":   {{Name: "../evil", Typeflag: tar.TypeReg}},
		"absolute":       {{Name: "/tmp/evil", Typeflag: tar.TypeReg}},
		"a link":         {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}},
		"a name twice":   {{Name: "a", Typeflag: tar.TypeReg}, {Name: "a", Typeflag: tar.TypeReg}},
		"a vast file":    {{Name: "a", Typeflag: tar.TypeReg, Size: maxBytes}},
		"no end of them": make([]tar.Header, maxEntries+1),
	}
	for i := range tests["no end of them"] {
		tests["no end of them"][i] = tar.Header{Name: "d" + string(rune(0x4e00+i)), Typeflag: tar.TypeDir}
	}
	for name, headers := range tests {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "in")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := extract(pack(t, headers), dir); err == nil {
				t.Fatal("no error")
			}
			if _, err := os.Lstat(filepath.Join(outer, "evil")); !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("written outside: %v", err)
			}
		})
	}
}

func pack(t *testing.T, headers []tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for i := range headers {
		if err := w.WriteHeader(&headers[i]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, headers[i].Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
