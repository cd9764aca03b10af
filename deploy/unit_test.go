//go:build linux

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
)

type debugSetting = debug.BuildSetting

func setUmask(mask int) int { return syscall.Umask(mask) }

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestUnitIsHardened holds the unit to a bound of systemd's own measure, which goes from
// 0 to 10. A service without any protection has 9.6.
func TestUnitIsHardened(t *testing.T) {
	needtest.Full(t, "systemd-analyze")
	const most = "13" // 1.3
	said := output(t, "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold="+most, "systemd/syncline.service")
	if !strings.Contains(said, "Overall exposure level for syncline.service: 1.") {
		t.Error(said)
	}
}

// TestInstalled installs the deb in a copy of this machine that leaves the machine as it
// is, boots systemd there, and has testdata/installed.sh look at the service, reload,
// upgrade and purge it.
func TestInstalled(t *testing.T) {
	deb := only(t, release(t), "*.deb")
	needtest.Root(t, "mount a copy of the machine")
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	for _, move := range [][2]string{{resticfixture.Unpack(t, "v2-new"), repo}, {deb, filepath.Join(dir, "syncline.deb")}, {"testdata/installed.sh", filepath.Join(dir, "installed.sh")}} {
		output(t, "cp", "-rT", move[0], move[1])
	}
	output(t, "chmod", "-R", "a+rX", repo)
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(resticfixture.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "--cgroup", "--uts", "--ipc", "--net", "testdata/boot.sh", dir)
	said, err := cmd.CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	journal, _ := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil || !strings.HasSuffix(string(log), "+ echo all is well\nall is well\n") {
		t.Errorf("%v\n%s\n%s\n%s", err, said, log, journal)
	}
	t.Logf("%s", said)
}
