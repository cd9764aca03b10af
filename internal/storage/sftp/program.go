package sftp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage/program"
)

// Program is a program that connects its input and output with an SFTP server,
// such as OpenSSH's ssh. It is for commands: it runs with the user's rights, and
// has the terminal for its questions until the server answers.
type Program struct {
	Words []string // the program and its arguments
	// Say shows the user a line of the program's standard error. The line is
	// not trusted.
	Say func(line string)
}

// TerminalPatience is the time for a connection while the user can be asked on
// a terminal. It is more than an SSH server gives for that.
const TerminalPatience = 150 * time.Second

// Patience returns the time for a connection.
func (Program) Patience() time.Duration {
	if runtime.GOOS != "windows" {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return DefaultPatience
		}
		tty.Close()
	}
	return TerminalPatience
}

// Connect starts the program.
func (p Program) Connect(ctx context.Context) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &programConn{name: filepath.Base(p.Words[0]), say: p.Say}
	var err error
	c.Process, err = program.Start(program.Command{Words: p.Words, Env: program.Environment(), Said: c.told, Foreground: true})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// programConn is a running program; it implements Conn.
type programConn struct {
	*program.Process
	name string
	say  func(string)

	mu    sync.Mutex
	lines []string // the last ones of its standard error
}

// maxLines is how many lines of a program's standard error an error repeats.
const maxLines = 5

func (c *programConn) told(line string) {
	if line == "" {
		return
	}
	c.mu.Lock()
	c.lines = append(c.lines[max(0, len(c.lines)-maxLines+1):], clip(line))
	c.mu.Unlock()
	if c.say != nil {
		c.say("subprocess " + c.name + ": " + line)
	}
}

// Ready implements Conn.
func (c *programConn) Ready() { c.Answered() }

// endPatience is the time that a program has to end by itself.
const endPatience = 2 * time.Second

// Explain repeats what the program said.
func (c *programConn) Explain(err error) error {
	if errors.Is(err, errMalformed) {
		return syncline.WrapError(syncline.CodeUnavailable, err,
			"what the program %s brings is not the answer of an SFTP server; check that the server offers SFTP, and that no login script on it prints anything", c.name)
	}
	_ = c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	what := syncline.MessageOf(c.Err())
	if len(c.lines) > 0 {
		what += fmt.Sprintf(" and said %q", strings.Join(c.lines, " "))
	}
	// An end of the input in the chain would stand for a short file.
	return retryable(syncline.WrapError(syncline.CodeUnavailable, c.Err(), "there is no connection to the SFTP server: %s", what))
}

// Close implements Conn. The program ends when its input ends. One that does
// not is killed.
func (c *programConn) Close() error {
	go c.Stop()
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-c.Done():
	case <-timer.C:
	}
	c.Kill()
	return nil
}
