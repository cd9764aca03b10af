package secret_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

func TestTokenFile(t *testing.T) {
	const token = "0123456789abcdef"
	for i, tt := range []struct {
		text string
		mode os.FileMode
		want string // in the message, "" for a good file
	}{
		{token, 0o600, ""},
		{"\n " + token + "\r\n", 0o400, ""},
		{token, 0o640, ""},
		{strings.Repeat("x", 512), 0o600, ""},
		{token, 0o644, "can be read or changed by other users (mode 0644); run chmod 600"},
		{token, 0o620, "mode 0620"},
		{token[1:], 0o600, "must hold one token"},
		{"", 0o600, "must hold one token"},
		{token + " " + token, 0o600, "must hold one token"},
		{token + "\n" + token, 0o600, "must hold one token"},
		{token + "é", 0o600, "must hold one token"},
		{strings.Repeat("x", 513), 0o600, "must hold one token"},
		{strings.Repeat("x", 1<<20), 0o600, "must hold one token"},
	} {
		if runtime.GOOS == "windows" && strings.Contains(tt.want, "mode") {
			continue
		}
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		got, err := secret.ReadTokenFile(path)
		switch {
		case tt.want == "" && (err != nil || got.Reveal() != strings.TrimSpace(tt.text)):
			t.Errorf("%d: %v", i, err)
		case tt.want != "" && (syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.want) || !strings.Contains(syncline.MessageOf(err), path)):
			t.Errorf("%d: got %v, want %q", i, err, tt.want)
		case err != nil && strings.Contains(fmt.Sprint(err), token[1:]):
			t.Errorf("%d: the message shows the token: %v", i, err)
		}
	}
	for path, want := range map[string]string{filepath.Join(t.TempDir(), "none"): "cannot be read (no such file or directory)", t.TempDir(): "is no regular file"} {
		if _, err := secret.ReadTokenFile(path); !strings.Contains(syncline.MessageOf(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
