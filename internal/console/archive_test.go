package console_test

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// unzipped returns the files of a zip archive.
func unzipped(t *testing.T, data string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(raw)
	}
	return files
}

// untarred returns the files of a tar archive.
func untarred(t *testing.T, data string) map[string]string {
	t.Helper()
	files := map[string]string{}
	archive := tar.NewReader(strings.NewReader(data))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		raw, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(raw)
	}
}

// under returns the files of a folder, by their names relative to base.
func under(t *testing.T, base, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(base, path) // both are absolute
		files[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s holds %q, not %q", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// A selection is downloaded as one archive, and so is a folder, byte for byte.
func TestArchives(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	const odd = "odd \xff name"
	write(t, filepath.Join(dir, odd, "in \xfe it.txt"), strings.Repeat("kept as it is ", 20_000))
	write(t, filepath.Join(dir, "50% & #1 +?.txt"), "a name for addresses")
	resticfixture.Backup(t, repo, dir, "--host", "laptop")
	s := startServer(t)
	id := s.attach("Office", repo, "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("laptop")
	p.open(files(s.points(id)[0], dir))
	p.waitText("6 entries")

	p.click("[role=grid] [aria-label]", "Select Letters")
	p.click("[role=grid] [aria-label]", "Select 50% & #1 +?.txt")
	p.waitText("2 of 6 entries selected")
	name, data := p.download(".files-foot button", "Download selected")
	if !strings.HasSuffix(name, ".zip") {
		t.Errorf("the archive is called %s", name)
	}
	want := under(t, dir, filepath.Join(dir, "Letters"))
	want["50% & #1 +_.txt"] = "a name for addresses" // Windows knows no question mark
	got := unzipped(t, data)
	for name := range got {
		if _, there := want[name]; !there && !strings.Contains(got[name], "50% & #1 +?.txt") {
			t.Errorf("the archive also holds %s", name)
		}
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is %q", name, got[name])
		}
	}

	// A name that is not UTF-8 is sent to the server as its bytes.
	p.choose("Format of the archive", "tar")
	p.click("[role=grid] [aria-label]", "Select 50% & #1 +?.txt")
	p.click("[role=grid] [aria-label]", "Select odd \uFFFD name")
	p.waitText("2 of 6 entries selected")
	_, data = p.download(".files-foot button", "Download selected")
	want = under(t, dir, filepath.Join(dir, "Letters"))
	maps.Copy(want, under(t, dir, filepath.Join(dir, odd)))
	same(t, "what was selected", untarred(t, data), want)

	p.click("button", "Select none")
	p.waitText("Download folder")
	name, data = p.download(".files-foot button", "Download folder")
	if name != "ann.tar" {
		t.Errorf("the folder's archive is called %s", name)
	}
	same(t, "the folder", untarred(t, data), under(t, filepath.Dir(dir), dir))
	p.click("[role=grid] [aria-label]", "Select all")
	p.waitText("6 of 6 entries selected")
	_, data = p.download(".files-foot button", "Download selected")
	same(t, "everything", untarred(t, data), under(t, filepath.Dir(dir), dir))

	p.click("[role=grid] a", "odd \uFFFD name")
	p.waitActive("in \uFFFD it.txt")
	_, data = p.download(".files-foot button", "Download folder")
	same(t, "the odd folder", untarred(t, data), under(t, dir, filepath.Join(dir, odd)))
}
