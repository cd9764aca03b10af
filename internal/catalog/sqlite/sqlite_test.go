package sqlite

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/needtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContainer(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T, place string) catalog.Container {
		return openFile(t, place)
	})
}

func openFile(t *testing.T, path string) *Container {
	t.Helper()
	box, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// change runs fn in an update that continues the container's head.
func change(t *testing.T, box *Container, fn func(catalog.Writer) error) error {
	t.Helper()
	var head catalog.Head
	err := box.View(t.Context(), func(r catalog.Reader) error {
		head = r.Head()
		return nil
	})
	if err != nil {
		return err
	}
	return box.Update(t.Context(), head, func(w catalog.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		return w.SetHead(head + "x")
	})
}

func wantCode(t *testing.T, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, syncline.CodeOf(err), code)
	}
}

func closeBox(t *testing.T, c *Container) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSettings shows that the pragmas which hold for a new file only took.
func TestSettings(t *testing.T) {
	box := openFile(t, filepath.Join(t.TempDir(), "odd name? 100% #1;x"))
	defer closeBox(t, box)
	for pragma, want := range map[string]string{
		"page_size": "8192", "auto_vacuum": "2", "journal_mode": "wal", "synchronous": "1", "query_only": "0",
	} {
		var got string
		if err := box.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	var readOnly string
	if err := box.readers.QueryRow("PRAGMA query_only").Scan(&readOnly); err != nil || readOnly != "1" {
		t.Errorf("the readers' query_only is %q (%v)", readOnly, err)
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	closeBox(t, openFile(t, path))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file's mode is %v (%v)", info.Mode(), err)
	}
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "none", "c"), filepath.Join(file, "c")} {
		_, err := Open(t.Context(), path)
		wantCode(t, err, syncline.CodeUnavailable)
	}
}

func TestReadOnly(t *testing.T) {
	if needtest.Ordinary(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "c")
	closeBox(t, openFile(t, path))
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(dir, 0o700) }()
	_, err := Open(t.Context(), filepath.Join(dir, "new"))
	wantCode(t, err, syncline.CodeUnavailable)
	_, err = Open(t.Context(), path) // its log cannot be made
	wantCode(t, err, syncline.CodeUnavailable)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path)
	wantCode(t, err, syncline.CodeUnavailable)
}

// TestFullFile fills the file to a limit of pages, which SQLite reports as it
// does a full disk.
func TestFullFile(t *testing.T) {
	box := openFile(t, filepath.Join(t.TempDir(), "c"))
	defer closeBox(t, box)
	if _, err := box.writer.Exec("PRAGMA max_page_count = 10"); err != nil {
		t.Fatal(err)
	}
	put := func(n int) error {
		return change(t, box, func(w catalog.Writer) error { return w.Put(1, 1, make([]byte, n)) })
	}
	if err := put(100); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put(1<<20), syncline.CodeUnavailable)
	if err := put(200); err != nil { // it goes on once there is room
		t.Fatal(err)
	}
}

// TestInUse opens a file that another connection writes to.
func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	first, second := openFile(t, path), openFile(t, path)
	defer closeBox(t, first)
	defer closeBox(t, second)
	if _, err := second.writer.Exec("PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	err := change(t, first, func(w catalog.Writer) error {
		if err := w.Put(1, 1, []byte("x")); err != nil {
			return err
		}
		err := change(t, second, func(w catalog.Writer) error { return nil })
		wantCode(t, err, syncline.CodeUnavailable)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeletedWhileOpen removes the file under a container: reading goes on or
// fails, and no new file takes the path.
func TestDeletedWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	box := openFile(t, path)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	_ = box.View(context.Background(), func(r catalog.Reader) error {
		_, err := r.Get(1, 1)
		return err
	})
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a file took the path of the deleted one (%v)", err)
	}
	closeBox(t, box)
}

// A file that is cut while a view reads it is an error of the view, and does not end the
// process.
func TestCutWhileItIsRead(t *testing.T) {
	const values = 200
	path := filepath.Join(t.TempDir(), "c")
	box := openFile(t, path)
	if err := change(t, box, func(w catalog.Writer) error {
		for id := range uint64(values) {
			if err := w.Put(1, id, bytes.Repeat([]byte{byte(id)}, 20_000)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	closeBox(t, box)
	box = openFile(t, path)
	err := box.View(t.Context(), func(r catalog.Reader) error {
		if _, err := r.Get(1, 0); err != nil {
			return err
		}
		if err := os.Truncate(path, 16<<10); err != nil {
			t.Fatal(err)
		}
		for id := range uint64(values) {
			if b, err := r.Get(1, id); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(id)}, 20_000)) {
				return errors.Join(errCut, err)
			}
		}
		return nil
	})
	if !errors.Is(err, errCut) || !catalog.Unusable(err) {
		t.Errorf("got %v", err)
	}
	_ = box.Close() // a part of the file is gone
}

var errCut = errors.New("a value is not there")

// TestValuesAreTheCallers: what Get returns stays as it is, whatever is asked
// after that.
func TestValuesAreTheCallers(t *testing.T) {
	c := openFile(t, filepath.Join(t.TempDir(), "c"))
	defer c.Close()
	const values = 50
	value := func(no uint64) []byte { return bytes.Repeat([]byte{byte(no + 1)}, 10+int(no)*997) }
	err := change(t, c, func(w catalog.Writer) error {
		for no := range uint64(values) {
			if err := w.Put(1, no, value(no)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got [values][]byte
	read := func(r catalog.Reader) (err error) {
		for no := range uint64(values) {
			if got[no], err = r.Get(1, no); err != nil {
				return err
			}
		}
		return nil
	}
	if err := c.View(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	kept := got
	err = c.View(t.Context(), func(r catalog.Reader) error {
		for no := range uint64(values) { // others, in the same memory, if the driver used it again
			if _, err := r.Get(1, values-1-no); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for no := range uint64(values) {
		if !bytes.Equal(kept[no], value(no)) {
			t.Errorf("value %d has changed", no)
		}
	}
}

// TestOtherTypes: a spoiled record may have a value of another type. It is read as
// bytes, of which the checksum decides.
func TestOtherTypes(t *testing.T) {
	c := openFile(t, filepath.Join(t.TempDir(), "c"))
	defer c.Close()
	err := change(t, c, func(w catalog.Writer) error {
		for no, value := range []any{"text", int64(7), 1.5} {
			if _, err := w.(*tx).tx.ExecContext(t.Context(), "INSERT INTO value VALUES (?, ?)", id(1, uint64(no)), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = c.View(t.Context(), func(r catalog.Reader) error {
		for no, want := range []string{"text", "7", "1.5"} {
			if got, err := r.Get(1, uint64(no)); err != nil || string(got) != want {
				t.Errorf("Get gives %q, %v; want %q", got, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRenewGivesBack writes generations of the same size: the file does not grow
// by them, and shrinks when one is small.
func TestRenewGivesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	box := openFile(t, path)
	defer closeBox(t, box)
	var sizes []int64
	for round, values := range []uint64{0, 400, 400, 400, 40} {
		err := change(t, box, func(w catalog.Writer) error {
			if _, err := w.Renew(); err != nil {
				return err
			}
			for no := range values {
				if err := w.Put(1, no, bytes.Repeat([]byte{byte(round)}, 10_000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := box.trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := box.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	if most := sizes[1] + sizes[1]/50; sizes[2] > most || sizes[3] > most || sizes[4] > sizes[1]/5 {
		t.Errorf("generations of 400, 400, 400 and 40 values leave files of %d bytes", sizes[1:])
	}
}
