package secret_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

// TestGivenKeyFile names key files of every kind.
func TestGivenKeyFile(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	for name, tt := range map[string]struct {
		key  []byte
		mode os.FileMode
		kept []byte // in the data directory, nil for none
		want string // in the message, "" for a good file
	}{
		"its owner's":           {key, 0o600, nil, ""},
		"mounted for a group":   {key, 0o440, nil, ""},
		"the key that was made": {key, 0o400, key, ""},
		"open to others":        {key, 0o604, nil, "can be read or changed by other users (mode 0604); run chmod 600"},
		"a group writes it":     {key, 0o660, nil, "mode 0660"},
		"too short":             {key[1:], 0o600, nil, "must hold a key of exactly 32 bytes"},
		"too long":              {append(key[:32:32], '\n'), 0o600, nil, "must hold a key of exactly 32 bytes"},
		"empty":                 {nil, 0o600, nil, "must hold a key of exactly 32 bytes"},
		"another key":           {key, 0o600, bytes.Repeat([]byte("o"), 32), "holds another key than"},
	} {
		if runtime.GOOS == "windows" && strings.Contains(tt.want, "mode") {
			continue
		}
		given, kept := filepath.Join(t.TempDir(), "given"), filepath.Join(t.TempDir(), "secret.key")
		write(t, given, tt.key, tt.mode)
		if tt.kept != nil {
			write(t, kept, tt.kept, 0o600)
		}
		box, err := secret.OpenGivenKeyFile(given, kept)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.want) || !strings.Contains(syncline.MessageOf(err), given)):
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		case tt.want == "":
			if plain, err := box.Open(box.Seal([]byte("text"), "id"), "id"); err != nil || string(plain) != "text" {
				t.Errorf("%s: %q (%v)", name, plain, err)
			}
		}
		if _, err := os.Stat(kept); tt.kept == nil && !os.IsNotExist(err) {
			t.Errorf("%s: a key is made (%v)", name, err)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	for path, want := range map[string]string{none: "cannot be read (no such file or directory)", t.TempDir(): "is no regular file"} {
		if _, err := secret.OpenGivenKeyFile(path, none); syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func write(t *testing.T, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}
