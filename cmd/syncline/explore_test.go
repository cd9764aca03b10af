package main_test

import (
	"encoding/base64"
	"encoding/json"
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

	"syncline.dev/syncline/internal/resticfixture"
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
	initRepository(t, repo)
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
	t.Parallel()
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
	compareEntries(t, n, repo, base, before.SnapshotID)
	refusedExploring(t, n, base, src, id, after.ID)

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
	cmd := exec.Command(resticfixture.Restic(t), "-r", repo, "--no-cache", "diff", "--metadata", before, after)
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

// compareEntries goes through all folders, as a file manager does, and compares
// what they have with what restic ls prints.
func compareEntries(t *testing.T, n *node, repo, base, snapshot string) {
	t.Helper()
	want := map[string]int{}
	for line := range strings.Lines(string(restic(t, repo, "ls", "--json", snapshot))) {
		var e lsLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.StructType == "node" {
			want[e.String()]++
		}
	}
	got := map[string]int{}
	for folders := []string{"/"}; len(folders) > 0; folders = folders[1:] {
		var page struct {
			Total   int
			Results []struct {
				lsLine
				RawPath, ModifyTime, AccessTime, ChangeTime, Permissions string
				Mode                                                     string
			}
		}
		n.call("GET", base+"/Entries?limit=1000&rawPath="+base64.RawURLEncoding.EncodeToString([]byte(folders[0])), nil, 200, &page)
		if page.Total != len(page.Results) {
			t.Errorf("%q has %d entries, the page %d", folders[0], page.Total, len(page.Results))
		}
		for _, e := range page.Results {
			e.Mtime, e.Atime, e.Ctime = e.ModifyTime, e.AccessTime, e.ChangeTime
			got[e.String()]++
			if e.Type == "dir" {
				folders = append(folders, bytesOf(e.Path, e.RawPath))
			}
		}
	}
	if len(want) < 40 || !maps.Equal(want, got) {
		t.Errorf("the folders have\n%v, restic has\n%v", got, want)
	}
}

// lsLine is what both restic ls and the API tell of an entry.
type lsLine struct {
	StructType          string `json:"struct_type"`
	Name, Path, Type    string
	UID, GID            int
	Size                int64
	Mtime, Atime, Ctime string
}

func (e lsLine) String() string {
	times := ""
	for _, text := range []string{e.Mtime, e.Atime, e.Ctime} {
		at, err := time.Parse(time.RFC3339Nano, text)
		times += fmt.Sprint(" ", at.UnixNano(), err)
	}
	return fmt.Sprintf("%q %q %s %d %d %d%s", e.Name, e.Path, e.Type, e.UID, e.GID, e.Size, times)
}

// refusedExploring asks for what cannot be answered.
func refusedExploring(t *testing.T, n *node, base, src, repository, other string) {
	t.Helper()
	folder := "path=" + url.QueryEscape(src+"/many")
	var page struct{ NextCursor string }
	n.call("GET", base+"/Entries?limit=4&"+folder, nil, 200, &page)
	if page.NextCursor == "" {
		t.Fatal("the folder fits one page")
	}
	unknown, history := "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "/v6/BackupRepositories/"+repository+"/History"
	for _, tt := range []struct {
		path   string
		status int
		part   string // of the message
	}{
		{"/v6/RestorePoints/17/Entries", 400, "UUID"},
		{"/v6/RestorePoints/" + unknown + "/Entries", 404, "no restore point"},
		{"/v6/RestorePoints/" + unknown + "/Entry", 404, "no restore point"},
		{base + "/Entry?path=/none", 404, "there is no"},
		{base + "/Entries?path=" + url.QueryEscape(src+"/none"), 404, "there is no"},
		{base + "/Entries?path=" + url.QueryEscape(src+"/mode"), 400, "not a folder"},
		{base + "/Entries?path=" + url.QueryEscape(src+"/mode/x"), 404, "there is no"},
		{base + "/Entries?path=many", 400, "absolute"},
		{base + "/Entries?path=/%00", 400, "NUL"},
		{base + "/Entries?path=/" + strings.Repeat("x", 40000), 400, "path"},
		{base + "/Entries?rawPath=***", 400, "Base64"},
		{base + "/Entries?rawPath=Lw&path=/", 400, "leave one"},
		{base + "/Entries?limit=0", 400, "from 1 to 1000"},
		{base + "/Entries?limit=1001", 400, "from 1 to 1000"},
		{base + "/Entries?limit=ten", 400, "limit"},
		{base + "/Entries?sort=colour", 400, "must be one of"},
		{base + "/Entries?cursor=AAAA", 400, "cursor"},
		{base + "/Entries?limit=4&cursor=" + page.NextCursor, 400, "cursor"},
		{base + "/Entries?sort=size&" + folder + "&cursor=" + page.NextCursor, 400, "cursor"},
		{"/v6/RestorePoints/" + other + "/Entries?" + folder + "&cursor=" + page.NextCursor, 400, "cursor"},
		{base + "/Differences", 400, "with is required"},
		{base + "/Differences?with=x", 400, "UUID"},
		{base + "/Differences?with=" + unknown, 404, "no restore point"},
		{base + "/Differences?with=" + other + "&kind=added", 400, "must be one of"},
		{base + "/Differences?with=" + other + "&cursor=AAAA", 400, "cursor"},
		{base + "/Differences?with=" + other + "&path=/none", 404, "no folder"},
		{base + "/DifferenceSummary?with=" + unknown, 404, "no restore point"},
		{"/v6/BackupRepositories/" + unknown + "/History?path=/", 404, "there is no"},
		{history + "?path=/none", 404, "there is no"},
		{history + "?path=x", 400, "absolute"},
		{history + "?path=/&host=none", 404, "there is no"},
		{history + "?path=/&cursor=AAAA", 409, "first page"},
	} {
		if message := n.refused("GET", tt.path, nil, tt.status); !strings.Contains(message, tt.part) {
			t.Errorf("%.100s: %q does not say %q", tt.path, message, tt.part)
		}
	}
}
