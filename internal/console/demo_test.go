package console_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/needtest"
)

// TestDemoIsCalm opens the demonstration's overview: it shows a synchronization
// that runs, and nothing that needs attention.
func TestDemoIsCalm(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "Chromium")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "demo", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	said := make(map[string]string)
	for lines := bufio.NewScanner(stdout); said["URL"] == "" || said["password"] == "" || said["listening"] == ""; {
		if !lines.Scan() {
			t.Fatal("the demonstration did not start")
		}
		if f := strings.Fields(lines.Text()); len(f) > 1 {
			said[f[0]] = f[1]
		}
	}
	p := newPage(t, said["URL"])
	p.expect("401")
	p.signIn("administrator", said["password"])
	p.waitText("Demo, slowly")
	p.waitText("Synchronizing")
	p.picture("demo")
	// The machine's disk may be nearly full, which the demonstration tells, too.
	const full = "Storage nearly full"
	others := eval[bool](p, "[...document.querySelectorAll('.attention li')].some((e) => !e.innerText.includes("+quote(full)+"))")
	if text := p.text(); others || strings.Contains(text, "Needs attention") && !strings.Contains(text, full) || strings.Contains(text, "missing or damaged") {
		t.Errorf("the overview is\n%s", text)
	}
}
