package main_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type shownEntry struct {
	Name, RawName, Path, RawPath, Type, ContentID string
	Size                                          int64
}

func bytesOf(text, raw string) string {
	if raw == "" {
		return text
	}
	b, _ := base64.StdEncoding.DecodeString(raw)
	return string(b)
}

// changingTree backs up a folder of odd names, changes it and backs it up
// again. It returns the repository and the folder.
func changingTree(t *testing.T) (repo, src string) {
	src, repo = filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "repo")
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(name, content string) {
		t.Helper()
		do(os.MkdirAll(filepath.Dir(filepath.Join(src, name)), 0o755), os.WriteFile(filepath.Join(src, name), []byte(content), 0o644))
	}
	for i := range 25 {
		write(fmt.Sprintf("many/file %02d", i), strings.Repeat("x", i*7%25))
	}
	write("same/deep/down", "same")
	for _, name := range []string{"gone/a/b", "gone \xff", "kind", "text <&>", "ünï", "mode", "in/x/y"} {
		write(name, "first of "+name)
	}
	restic(t, repo, "init")
	restic(t, repo, "backup", "--host", "one", src)
	do(os.RemoveAll(filepath.Join(src, "gone")), os.Remove(filepath.Join(src, "gone \xff")), os.Remove(filepath.Join(src, "kind")),
		os.Symlink("mode", filepath.Join(src, "kind")), os.Chmod(filepath.Join(src, "mode"), 0o600))
	write("text <&>", "second, and longer")
	write("new \xfe/a", "new")
	write("in/x/y", "other")
	restic(t, repo, "backup", "--host", "one", src)
	return repo, src
}

func TestExploringAgreesWithRestic(t *testing.T) {
	repo, src := changingTree(t)
	n := start(t, t.TempDir())
	id := n.attach("main", repo)
	n.finish(n.sync(id).ID)
	var points []struct{ ID, SnapshotID string }
	n.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points) // newest first
	before, after := points[1], points[0]
	base := "/v6/RestorePoints/" + before.ID

	var want []string
	for _, order := range []string{"sort=name", "sort=size&order=desc", "sort=modified&foldersFirst=true", "sort=type"} {
		seen, cursor := []string(nil), ""
		for {
			var page struct {
				Total      int
				Results    []shownEntry
				NextCursor string
			}
			n.call("GET", base+"/Entries?limit=4&"+order+"&path="+url.QueryEscape(src+"/many")+"&cursor="+cursor, nil, 200, &page)
			for i, e := range page.Results {
				if order == "sort=size&order=desc" && i > 0 && e.Size > page.Results[i-1].Size {
					t.Errorf("%s is behind a smaller one", e.Name)
				}
				seen = append(seen, e.Name)
			}
			if cursor = page.NextCursor; page.Total != 25 || cursor == "" {
				break
			}
		}
		if order == "sort=name" {
			want = slices.Clone(seen)
			if !slices.IsSorted(seen) {
				t.Errorf("not by name: %q", seen)
			}
		}
		if slices.Sort(seen); len(seen) != 25 || !slices.Equal(seen, want) {
			t.Errorf("%s: the pages have %q", order, seen)
		}
	}
	var odd shownEntry
	n.call("GET", base+"/Entry?rawPath="+base64.RawURLEncoding.EncodeToString([]byte(src+"/gone \xff")), nil, 200, &odd)
	if bytesOf(odd.Name, odd.RawName) != "gone \xff" || odd.ContentID == "" {
		t.Errorf("the odd entry is %+v", odd)
	}
	n.call("GET", base+"/Entry?path=/none", nil, 404, nil)
	n.call("GET", base+"/Entries?path="+url.QueryEscape(src+"/mode"), nil, 400, nil)
	n.call("GET", base+"/Entries?cursor=AAAA", nil, 400, nil)

	compareDifferences(t, n, repo, base+"/Differences?limit=3&with="+after.ID, before.SnapshotID, after.SnapshotID)
	history := func(name string) (events []string) {
		var page struct {
			Results []struct {
				Event         string
				RestorePoints int
				FirstTime     time.Time
			}
		}
		n.call("GET", "/v6/BackupRepositories/"+id+"/History?path="+url.QueryEscape(src+"/"+name), nil, 200, &page)
		for _, v := range page.Results {
			events = append(events, fmt.Sprint(v.Event, v.RestorePoints))
		}
		return events
	}
	for name, want := range map[string]string{
		"many/file 01": "[Appeared2]", "text <&>": "[Appeared1 Changed1]", "gone/a": "[Appeared1 Vanished1]", "in": "[Appeared1 Changed1]",
		"kind": "[Appeared1 Changed1]", "same": "[Appeared2]",
	} {
		if got := fmt.Sprint(history(name)); got != want {
			t.Errorf("the history of %s is %s, not %s", name, got, want)
		}
	}
	n.call("GET", "/v6/BackupRepositories/"+id+"/History?path=/none", nil, 404, nil)
}

// compareDifferences compares all pages with what restic diff prints. That a
// folder differs because of what is in it, restic counts as its metadata.
func compareDifferences(t *testing.T, n *node, repo, path, before, after string) {
	cmd := exec.Command("restic", "-r", repo, "--no-cache", "diff", "--metadata", before, after)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+repoPassword)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	kinds := map[byte]string{'+': "Added", '-': "Removed", 'M': "ContentChanged", 'U': "MetadataChanged", 'T': "TypeChanged"}
	for line := range strings.Lines(string(out)) {
		if len(line) > 6 && line[5] == '/' && kinds[line[0]] != "" && (line[0] != 'U' || !strings.HasSuffix(line, "/\n")) {
			want[strings.TrimRight(line[5:], "/\n")] = kinds[line[0]]
		}
	}
	got, counts, cursor := map[string]string{}, map[string]int{}, ""
	for {
		var page struct {
			Results []struct {
				Path, RawPath, Change string
				Before, After         *shownEntry
			}
			NextCursor string
		}
		n.call("GET", path+"&cursor="+cursor, nil, 200, &page)
		for _, d := range page.Results {
			counts[d.Change]++
			if d.Change != "MetadataChanged" || d.After.Type != "dir" {
				got[bytesOf(d.Path, d.RawPath)] = d.Change
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(want) < 8 || !maps.Equal(want, got) {
		t.Errorf("the differences are %q, restic has %q", got, want)
	}
	var sum struct{ Added, Removed, ContentChanged, MetadataChanged, TypeChanged int }
	n.call("GET", strings.Replace(path, "/Differences?limit=3&", "/DifferenceSummary?", 1), nil, 200, &sum)
	if sum.Added != counts["Added"] || sum.Removed != counts["Removed"] || sum.ContentChanged != counts["ContentChanged"] ||
		sum.MetadataChanged != counts["MetadataChanged"] || sum.TypeChanged != counts["TypeChanged"] {
		t.Errorf("the summary is %+v, the pages have %v", sum, counts)
	}
}
