package statefile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

func TestMain(m *testing.M) {
	work = 10 // the tests guess nothing
	os.Exit(m.Run())
}

var contents = map[string]string{
	Database: strings.Repeat("database ", 30_000), Certificate: "certificate and key", Key: strings.Repeat("k", 32),
}

// sources writes the parts into files with other names.
func sources(t testing.TB, names ...string) (parts []Source) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, "source of "+name)
		if err := os.WriteFile(path, []byte(contents[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Source{name, path})
	}
	return parts
}

// written returns a file with these parts.
func written(t testing.TB, names ...string) []byte {
	t.Helper()
	var file bytes.Buffer
	m := Manifest{Created: time.Unix(1_790_000_000, 0).UTC(), Program: "v1", ID: "id", Schema: 8}
	if _, err := Write(t.Context(), &file, m, sources(t, names...)...); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func sealedWith(t testing.TB, file []byte, passphrase string) []byte {
	t.Helper()
	var sealed bytes.Buffer
	w, err := Seal(&sealed, secret.NewString(passphrase))
	if err == nil {
		_, err = w.Write(file)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

// restored opens and extracts a file.
func restored(t testing.TB, file []byte, passphrase, dir string) (Manifest, error) {
	t.Helper()
	r, _, err := Open(bytes.NewReader(file), func() (secret.String, error) { return secret.NewString(passphrase), nil })
	if err != nil {
		return Manifest{}, err
	}
	return Extract(t.Context(), r, dir)
}

func TestRoundTrip(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		names := []string{Database, Certificate}
		if sealed {
			names = append(names, Key)
		}
		file := written(t, names...)
		if sealed {
			file = sealedWith(t, file, "a long passphrase")
			if bytes.Contains(file, []byte(contents[Key])) {
				t.Error("the key can be read")
			}
		}
		dir := t.TempDir()
		m, err := restored(t, file, "a long passphrase", dir)
		if err != nil || m.ID != "id" || m.Schema != 8 || m.Program != "v1" || len(m.Parts) != len(names) || m.Has(Key) != sealed {
			t.Fatalf("%+v, %v", m, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || string(b) != contents[name] {
				t.Errorf("%s has %d bytes, %v", name, len(b), err)
			}
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
}

func TestPassphrase(t *testing.T) {
	file := sealedWith(t, written(t, Database), "a long passphrase")
	if _, err := restored(t, file, "another passphrase", t.TempDir()); syncline.CodeOf(err) != syncline.CodeWrongPassword {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := Seal(io.Discard, secret.NewString("short")); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("a short passphrase: %v", err)
	}
	ask := errors.New("no terminal")
	if _, sealed, err := Open(bytes.NewReader(file), func() (secret.String, error) { return secret.String{}, ask }); !errors.Is(err, ask) || !sealed {
		t.Errorf("no passphrase: %v", err)
	}
}

// No change of any byte, and no cut, gives a copy that passes, sealed or not.
func TestEveryByteCounts(t *testing.T) {
	plain := written(t, Certificate, Database)
	for name, file := range map[string][]byte{"plain": plain, "sealed": sealedWith(t, plain, "a long passphrase")} {
		step := 1 + len(file)/300
		for i := 0; i < len(file); i += step {
			changed := bytes.Clone(file)
			changed[i] ^= 0x41
			m, err := restored(t, changed, "a long passphrase", t.TempDir())
			// Gzip's header has a time and a system that say nothing.
			if err == nil && (name == "sealed" || i < 4 || i >= 10) {
				t.Errorf("%s, byte %d: %+v", name, i, m)
			}
			if _, err := restored(t, file[:i], "a long passphrase", t.TempDir()); err == nil {
				t.Errorf("%s, cut after %d bytes", name, i)
			}
		}
		if _, err := restored(t, append(bytes.Clone(file), 'x'), "a long passphrase", t.TempDir()); err == nil {
			t.Errorf("%s: something follows it", name)
		}
	}
}

// crafted returns an archive with these entries, behind a manifest that names parts.
func crafted(t testing.TB, change func(*Manifest), entries ...tar.Header) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte("data"))
	m := Manifest{Format: formatName, Version: formatVersion, Schema: 1, ID: "id", Parts: []Part{{Database, 4, hex.EncodeToString(sum[:])}}}
	if change != nil {
		change(&m)
	}
	head, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	zip := gzip.NewWriter(&file)
	w := tar.NewWriter(zip)
	add := func(h tar.Header, text string) {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(text))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: manifestName, Typeflag: tar.TypeReg}, string(head))
	for _, h := range entries {
		add(h, "data")
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestCraftedFiles(t *testing.T) {
	good := tar.Header{Name: Database, Typeflag: tar.TypeReg}
	part := func(p Part) func(*Manifest) { return func(m *Manifest) { m.Parts = append(m.Parts, p) } }
	sum := strings.Repeat("0", 64)
	if _, err := restored(t, crafted(t, nil, good), "", t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"a path upwards":         crafted(t, part(Part{"../out", 4, sum}), good, tar.Header{Name: "../out", Typeflag: tar.TypeReg}),
		"an absolute path":       crafted(t, part(Part{"/etc/out", 4, sum}), good, tar.Header{Name: "/etc/out", Typeflag: tar.TypeReg}),
		"a name that is unknown": crafted(t, part(Part{"lock", 4, sum}), good, tar.Header{Name: "lock", Typeflag: tar.TypeReg}),
		"a link":                 crafted(t, nil, tar.Header{Name: Database, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}),
		"a hard link":            crafted(t, nil, tar.Header{Name: Database, Typeflag: tar.TypeLink, Linkname: manifestName}),
		"a folder":               crafted(t, nil, tar.Header{Name: Database, Typeflag: tar.TypeDir}),
		"another name":           crafted(t, nil, tar.Header{Name: "./" + Database, Typeflag: tar.TypeReg}),
		"a part twice":           crafted(t, part(Part{Database, 4, sum}), good, good),
		"a part too many":        crafted(t, nil, good, tar.Header{Name: Key, Typeflag: tar.TypeReg}),
		"a part too few":         crafted(t, nil),
		"no database":            crafted(t, func(m *Manifest) { m.Parts = nil }),
		"a part that is huge":    crafted(t, func(m *Manifest) { m.Parts[0].Size = 9 << 30 }, good),
		"another size":           crafted(t, func(m *Manifest) { m.Parts[0].Size = 5 }, good),
		"another sum":            crafted(t, func(m *Manifest) { m.Parts[0].SHA256 = sum }, good),
		"no sum":                 crafted(t, func(m *Manifest) { m.Parts[0].SHA256 = "" }, good),
		"an empty part":          crafted(t, func(m *Manifest) { m.Parts[0].Size = 0 }, good),
		"another format":         crafted(t, func(m *Manifest) { m.Format = "other" }, good),
		"no version":             crafted(t, func(m *Manifest) { m.Version = 0 }, good),
		"a manifest too large":   crafted(t, func(m *Manifest) { m.Program = strings.Repeat("v", manifestLimit) }, good),
		"no file":                nil,
		"text":                   []byte("restic"),
	} {
		dir := t.TempDir()
		if m, err := restored(t, file, "", filepath.Join(dir)); syncline.CodeOf(err) != syncline.CodeDamaged || syncline.MessageOf(err) != MsgDamaged {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if e.Name() != Database {
				t.Errorf("%s wrote %s", name, e.Name())
			}
		}
		if err != nil || len(entries) > 1 {
			t.Errorf("%s: %v, %v", name, entries, err)
		}
	}
	newer := crafted(t, func(m *Manifest) { m.Version = 2 }, good)
	if _, err := restored(t, newer, "", t.TempDir()); syncline.CodeOf(err) != syncline.CodeUnsupported {
		t.Errorf("a newer version: %v", err)
	}
}

func TestLongCopyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := written(t, Database)
	if _, err := Extract(ctx, bytes.NewReader(file), t.TempDir()); syncline.CodeOf(err) != syncline.CodeCanceled {
		t.Errorf("extract: %v", err)
	}
	if _, err := Write(ctx, io.Discard, Manifest{}); syncline.CodeOf(err) != syncline.CodeCanceled {
		t.Errorf("write: %v", err)
	}
}

// onWrite calls a function before each write.
type onWrite func()

func (f onWrite) Write(b []byte) (int, error) { f(); return len(b), nil }

// A part that changes after it was measured fits no checksum, and is no copy.
func TestChangedPart(t *testing.T) {
	parts := sources(t, Database)
	change := onWrite(func() {
		if err := os.WriteFile(parts[0].Path, []byte(strings.ToUpper(contents[Database])), 0o600); err != nil {
			t.Error(err)
		}
	})
	if _, err := Write(t.Context(), change, Manifest{}, parts...); syncline.CodeOf(err) != syncline.CodeConflict {
		t.Errorf("got %v", err)
	}
}

// FuzzExtract has any bytes end with an error or a manifest whose parts are there, and
// nothing but them.
func FuzzExtract(f *testing.F) {
	f.Add(written(f, Database, Certificate))
	f.Add(crafted(f, nil, tar.Header{Name: "../x", Typeflag: tar.TypeReg}))
	noise := make([]byte, 100)
	_, _ = rand.Read(noise)
	f.Add(append([]byte{0x1f, 0x8b}, noise...))
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := filepath.Join(t.TempDir(), "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		m, err := Extract(t.Context(), bytes.NewReader(file), dir)
		entries, _ := os.ReadDir(filepath.Dir(dir))
		if len(entries) != 1 {
			t.Errorf("it wrote outside of the folder: %v", entries)
		}
		entries, _ = os.ReadDir(dir)
		if err == nil && len(entries) != len(m.Parts) {
			t.Errorf("%v for %+v", entries, m)
		}
	})
}
