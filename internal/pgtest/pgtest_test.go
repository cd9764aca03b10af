//go:build !windows

package pgtest

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func value(t *testing.T, url, query string) (got string, err error) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(t.Context(), query).Scan(&got)
	return got, err
}

// TestStop stops a server in each way, and starts it again with the data it had.
func TestStop(t *testing.T) {
	s := Start(t)
	url := s.Database(t)
	exec := func(statement string) {
		t.Helper()
		if _, err := value(t, url, statement); err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE kept (word text)`)
	exec(`INSERT INTO kept VALUES ('still here')`)
	for _, mode := range []string{"fast", "immediate"} {
		s.Stop(t, mode)
		if _, err := value(t, url, `SELECT word FROM kept`); err == nil {
			t.Errorf("%s: the stopped server answers", mode)
		}
		s.Run(t)
		if got, err := value(t, url, `SELECT word FROM kept`); got != "still here" {
			t.Errorf("%s: got %q, %v", mode, got, err)
		}
	}
}

// TestEndsWithItsProcess kills a process that has a server. The server and its files go.
func TestEndsWithItsProcess(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") != "" {
		s := Start(t)
		os.Stdout.WriteString("folder " + s.folder + "\n")
		os.Stdin.Read(make([]byte, 1))
		return
	}
	New(t) // says what a short run lacks
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestEndsWithItsProcess$")
	child.Env = append(os.Environ(), "PGTEST_CHILD=1")
	hold, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, _ := out.Read(buf)
	folder := strings.TrimPrefix(strings.SplitN(string(buf[:n]), "\n", 2)[0], "folder ")
	if _, err := os.Stat(filepath.Join(folder, "data", "postmaster.pid")); err != nil {
		t.Fatalf("the server of the child is not there: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	gone := time.NewTicker(20 * time.Millisecond)
	defer gone.Stop()
	for range 3000 {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return
		}
		<-gone.C
	}
	t.Errorf("%s is still there", folder)
}
