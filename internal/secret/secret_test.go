package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
)

func openBox(t *testing.T, path string) *Box {
	t.Helper()
	box, err := OpenKeyFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func wantCode(t *testing.T, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code || syncline.MessageOf(err) == "" {
		t.Fatalf("got %v (%q), want %q", err, syncline.CodeOf(err), code)
	}
}

func TestSealAndOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	box := openBox(t, path)
	for _, plaintext := range []string{"", "hunter2", strings.Repeat("long ", 10000), "\x00\xff"} {
		sealed := box.Seal([]byte(plaintext), "context")
		if plaintext != "" && bytes.Contains(sealed, []byte(plaintext)) {
			t.Error("the sealed form holds the plaintext")
		}
		if bytes.Equal(sealed, box.Seal([]byte(plaintext), "context")) {
			t.Error("sealed twice, it looks the same")
		}
		got, err := openBox(t, path).Open(sealed, "context") // after a restart
		if err != nil || string(got) != plaintext {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestTampering(t *testing.T) {
	dir := t.TempDir()
	box := openBox(t, filepath.Join(dir, "key"))
	sealed := box.Seal([]byte("hunter2"), "key 1")
	for bit := range 8 * len(sealed) {
		altered := bytes.Clone(sealed)
		altered[bit/8] ^= 1 << (bit % 8)
		want := syncline.CodeDamaged
		if bit < 8 {
			want = syncline.CodeUnsupported // the version byte
		}
		_, err := box.Open(altered, "key 1")
		wantCode(t, err, want)
	}
	for n := range sealed {
		_, err := box.Open(sealed[:n], "key 1")
		wantCode(t, err, syncline.CodeDamaged)
	}
	for _, context := range []string{"", "key 2", "key 11"} {
		_, err := box.Open(sealed, context)
		wantCode(t, err, syncline.CodeDamaged)
	}
	_, err := box.Open(append(bytes.Clone(sealed), 0), "key 1")
	wantCode(t, err, syncline.CodeDamaged)
	_, err = openBox(t, filepath.Join(dir, "other key")).Open(sealed, "key 1")
	wantCode(t, err, syncline.CodeDamaged)
	if got, err := box.Open(sealed, "key 1"); err != nil || string(got) != "hunter2" {
		t.Errorf("untouched: %q, %v", got, err)
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	_, err := OpenKeyFile(path, false)
	wantCode(t, err, syncline.CodeUnavailable)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatal("a key file was made although it must not be")
	}
	openBox(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != keySize {
		t.Errorf("%v, %v", info, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	key, _ := os.ReadFile(path)
	openBox(t, path) // reads the same one
	if again, _ := os.ReadFile(path); !bytes.Equal(again, key) {
		t.Error("the key file was replaced")
	}
	if _, err := OpenKeyFile(path, false); err != nil {
		t.Error(err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	write := func(size int, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"empty":          write(0, 0o600),
		"short":          write(31, 0o600),
		"long":           write(33, 0o600),
		"huge":           write(1<<20, 0o600),
		"others read":    write(32, 0o604),
		"group writes":   write(32, 0o620),
		"a folder":       t.TempDir(),
		"missing folder": filepath.Join(t.TempDir(), "none", "key"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenKeyFile(path, true)
			wantCode(t, err, syncline.CodeUnavailable)
			if strings.Contains(syncline.MessageOf(err), filepath.Dir(path)) {
				t.Errorf("the message %q holds a path", syncline.MessageOf(err))
			}
		})
	}
	for _, mode := range []os.FileMode{0o400, 0o440, 0o640} {
		if _, err := OpenKeyFile(write(32, mode), false); err != nil {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

func TestCreateRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	boxes := make([]*Box, 8)
	var all sync.WaitGroup
	for i := range boxes {
		all.Go(func() {
			var err error
			if boxes[i], err = OpenKeyFile(path, true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	sealed := boxes[0].Seal([]byte("x"), "")
	for i, box := range boxes {
		if _, err := box.Open(sealed, ""); err != nil {
			t.Errorf("box %d has another key: %v", i, err)
		}
	}
}

func TestStringShowsNothing(t *testing.T) {
	const text = "hunter2"
	s := NewString(text)
	type outer struct {
		Name   string
		Secret String
		hidden String
		Many   []String
		Map    map[string]String
	}
	values := []any{
		s, &s,
		outer{"n", s, s, []String{s}, map[string]String{"k": s}},
		&outer{hidden: s},
		[]any{s},
		fmt.Errorf("wrapped %v", s),
	}
	var out bytes.Buffer
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
	}
	for _, bad := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprintf("%v", []byte(text))} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("the output holds %q", bad)
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing says that something was left out")
	}
	if s.Reveal() != text || s.IsEmpty() || !(String{}).IsEmpty() {
		t.Error("the text itself is lost")
	}
}

// Digests follow the text and the key.
func TestDigest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	one, again, other := openBox(t, path), openBox(t, path), openBox(t, path+" of another")
	if one.Digest("a") != again.Digest("a") {
		t.Error("one key gives two digests of a text")
	}
	if one.Digest("a") == one.Digest("b") || one.Digest("a") == other.Digest("a") || one.Digest("a") == sha256.Sum256([]byte("a")) {
		t.Error("two digests are equal")
	}
}
