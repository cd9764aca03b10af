package demorepo_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"syncline.dev/syncline/internal/demorepo"
)

func restic(t *testing.T, repo string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("restic", append([]string{"-r", repo, "--no-cache"}, args...)...)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+demorepo.Password)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("restic: %v: %s (this test needs restic: apt-get install restic)", err, stderr.String())
	}
	return out
}

func TestRepositoryIsSoundToRestic(t *testing.T) {
	repo, err := demorepo.Extract(filepath.Join(t.TempDir(), "demo"))
	if err != nil {
		t.Fatal(err)
	}
	restic(t, repo, "check", "--read-data")
	var snapshots []struct{ Hostname string }
	if err := json.Unmarshal(restic(t, repo, "snapshots", "--json"), &snapshots); err != nil {
		t.Fatal(err)
	}
	hosts := make(map[string]bool)
	for _, s := range snapshots {
		hosts[s.Hostname] = true
	}
	if len(snapshots) < 10 || len(hosts) < 2 {
		t.Errorf("%d snapshots of %d hosts", len(snapshots), len(hosts))
	}
}

func TestExtractIntoWhatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := demorepo.Extract(filepath.Join(file, "demo")); err == nil {
		t.Error("the repository was unpacked below a file")
	}
}
