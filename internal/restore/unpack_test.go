//go:build linux

package restore_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/restore"
)

// tarStream is an archive as from a server.
type tarStream struct{ *archive.Reader }

func (s tarStream) Next() (*restore.Item, error) {
	x, err := s.Reader.Next()
	if err != nil {
		return nil, err
	}
	if x.Entry == nil {
		return &restore.Item{Path: strings.TrimPrefix(x.Name, "/"), Err: syncline.Errorf(syncline.CodeDamaged, "%s", x.Note)}, nil
	}
	return &restore.Item{Path: x.Name, Entry: x.Entry, First: x.First, Size: x.Size}, nil
}

func (s tarStream) Open(context.Context, string) (io.ReadCloser, int64, error) {
	return nil, 0, syncline.Errorf(syncline.CodeNotFound, "it is not there")
}

// tarOf makes an archive of entries with their names as content.
func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Mode = 0o755
		if h.Typeflag == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, h.Name[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type toldOf map[string]string

func (r toldOf) Failed(path string, err error)  { r[path] = err.Error() }
func (r toldOf) Progress(result restore.Result) {}
func (r toldOf) Noted(path string, n restore.Note, detail string) {
	r[path] = string(n) + ": " + detail
}

func unpack(t *testing.T, raw []byte, target string, o restore.Options) (restore.Result, toldOf, error) {
	t.Helper()
	told := toldOf{}
	o.Reporter = told
	result, err := restore.Unpack(t.Context(), tarStream{archive.NewReader(bytes.NewReader(raw))}, target, o)
	return result, told, err
}

// An archive with names that lead outside writes nothing outside.
func TestUnpackStaysInTarget(t *testing.T) {
	above := t.TempDir()
	target, outside := filepath.Join(above, "target"), filepath.Join(above, "outside")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "kept"), []byte("kept"), 0o644)); err != nil {
		t.Fatal(err)
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	raw := tarOf(t,
		tar.Header{Name: "../outside/new"}, tar.Header{Name: outside + "/new"}, tar.Header{Name: "a/../../outside/new"}, tar.Header{Name: "./new"},
		link("to folder", outside), tar.Header{Name: "to folder/new"}, tar.Header{Name: "to folder/kept"},
		link("to file", outside+"/kept"), tar.Header{Name: "to file"},
		link("z", ".."), tar.Header{Typeflag: tar.TypeDir, Name: "z/"}, tar.Header{Name: "z/inside"},
		tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "../outside/kept"}, tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "to file"},
		tar.Header{Typeflag: tar.TypeLink, Name: "other", Linkname: "none"},
		tar.Header{Name: "good"}, tar.Header{Typeflag: tar.TypeLink, Name: "good too", Linkname: "good"},
	)
	result, told, err := unpack(t, raw, target, restore.Options{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/../outside/new": "this name", "/" + outside + "/new": "this name", "/a/../../outside/new": "this name", "/./new": "this name",
		"/to file": "this name twice", "/z": "this name twice", "/hard": "", "/other": "no such file",
	} {
		if got, ok := told[path]; !ok || !strings.Contains(got, want) {
			t.Errorf("of %s it is told %q", path, got)
		}
	}
	if list, err := os.ReadDir(above); len(list) != 2 || err != nil {
		t.Errorf("beside the target there are %v, %v", list, err)
	}
	list, err := os.ReadDir(outside)
	if content, _ := os.ReadFile(filepath.Join(outside, "kept")); len(list) != 1 || string(content) != "kept" || err != nil {
		t.Errorf("outside there are %v, and the file holds %q", list, content)
	}
	a, errA := os.Stat(filepath.Join(target, "good"))
	b, errB := os.Stat(filepath.Join(target, "good too"))
	if errA != nil || errB != nil || !os.SameFile(a, b) || result.Failed != int64(len(told))+1 {
		t.Errorf("%v, %v, %+v, told of %v", errA, errB, result, told)
	}
}

// A stream that breaks off is an error, and leaves no file that looks complete.
func TestUnpackBrokenOff(t *testing.T) {
	long := strings.Repeat("a long name ", 2000)
	raw := tarOf(t, tar.Header{Name: "first"}, tar.Header{Name: long[:200]}, tar.Header{Name: "last"})
	for _, overwrite := range []syncline.RestoreOverwrite{syncline.OverwriteAlways, syncline.OverwriteNever} {
		target := t.TempDir()
		end := bytes.LastIndex(raw, []byte(long[:200])) + 100
		result, told, err := unpack(t, raw[:end], target, restore.Options{Overwrite: overwrite})
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(told) > 0 || result.Files != 1 {
			t.Errorf("%s: %+v, %v, told of %v", overwrite, result, err, told)
		}
		result, told, err = unpack(t, raw, target, restore.Options{Overwrite: overwrite})
		content, _ := os.ReadFile(filepath.Join(target, long[:200]))
		if err != nil || len(told) > 0 || string(content) != long[:200] || result.Files+result.Skipped != 3 {
			t.Errorf("%s, again: %+v, %v, told of %v, and the file holds %q", overwrite, result, err, told, content)
		}
	}
}

// The notes of an archive are reported and do not become a file.
func TestUnpackNotes(t *testing.T) {
	notes := "These entries:\n\n\"/a \\xff\" left out: it is odd\n\"/b\\nc\" lacks something\n\nand 2 more\n"
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, records := range []map[string]string{nil, {"SYNCLINE.notes": "1"}} {
		err := w.WriteHeader(&tar.Header{Name: "notes.txt", Typeflag: tar.TypeReg, Size: int64(len(notes)), Mode: 0o644, PAXRecords: records})
		if _, err2 := io.WriteString(w, notes); err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	filter, err := restore.NewFilter(nil, nil, []string{"unrelated"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	result, told, err := unpack(t, b.Bytes(), t.TempDir(), restore.Options{Filter: filter})
	if err != nil || result.Files != 1 || len(told) != 2 || told["/a \xff"] != "left out: it is odd" || told["/b\nc"] != "lacks something" {
		t.Errorf("%+v, %v, told of %q", result, err, told)
	}
}
