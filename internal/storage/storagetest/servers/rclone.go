package servers

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
)

// Rclone returns the path of rclone, which scripts/deps.sh installs.
func Rclone(t testing.TB) string {
	t.Helper()
	needtest.Full(t, "rclone, which scripts/deps.sh full installs")
	path, err := exec.LookPath("rclone")
	if err != nil {
		t.Fatal("rclone is missing: run scripts/deps.sh full")
	}
	return path
}

// RcloneConfig writes a configuration of rclone with these remotes, and returns its path.
// A remote is a list of name=value.
func RcloneConfig(t testing.TB, remotes map[string][]string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(remotes)) {
		fmt.Fprintf(&text, "[%s]\n%s\n\n", name, strings.Join(remotes[name], "\n"))
	}
	path := filepath.Join(t.TempDir(), "rclone.conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// RcloneRemote returns the options of a remote in this server.
func (s *S3) RcloneRemote() []string {
	return []string{
		"type = s3", "provider = Other", "endpoint = " + s.URL, "region = " + s.Region,
		"access_key_id = " + s.AccessKey, "secret_access_key = " + s.SecretKey, "force_path_style = true",
	}
}
