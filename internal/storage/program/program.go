// Package program runs a program through which a user reaches a storage, such as rclone
// or ssh, as restic does. The caller speaks with the program over its standard input and
// output. The package does not know what they say to each other.
package program

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
)

// Command says what to run.
type Command struct {
	// Words are the program and its arguments.
	Words []string
	// Env is the program's whole environment, Environment() for a command of a user.
	Env []string
	// Said is called with each line of the program's standard error, in order; nil
	// for nobody. A long line comes in parts.
	Said func(line string)
	// Foreground gives the program the terminal, so that it can ask its user for a
	// password, until Answered or Stop is called.
	Foreground bool
}

// Environment returns this program's environment without the variables of restic and
// Syncline, which hold passwords.
func Environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "RESTIC_") && !strings.HasPrefix(v, "SYNCLINE_") {
			env = append(env, v)
		}
	}
	return env
}

// Process is a running program. It runs until Stop, or until it ends by itself. Its
// methods are safe for concurrent use.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File

	done chan struct{} // closed when the program has ended and all lines are told
	err  error         // how it ended, after done

	background func() // takes the terminal back
	stop       sync.Once
}

// patience is the time that a program has to end when its standard input is closed.
const patience = 5 * time.Second

// Start starts a program. Its errors say what to do.
func Start(c Command) (*Process, error) {
	p := &Process{name: filepath.Base(c.Words[0]), done: make(chan struct{})}
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, p.failed(err)
	}
	defer in.Close()
	stdout, out, err := os.Pipe()
	if err != nil {
		_ = stdin.Close()
		return nil, p.failed(err)
	}
	defer out.Close()
	p.stdin, p.stdout = stdin, stdout

	// Stop ends the program, and no context: it gets time to end by itself.
	p.cmd = exec.Command(c.Words[0], c.Words[1:]...) //nolint:noctx // see above
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Env = in, out, c.Env
	said := &lines{told: c.Said}
	p.cmd.Stderr = said
	p.cmd.WaitDelay = time.Second // for descendants that hold its standard error
	p.background, err = start(p.cmd, c.Foreground)
	if err != nil {
		_ = stdin.Close()
		_ = stdout.Close()
		return nil, p.failed(err)
	}
	go p.await(said)
	return p, nil
}

// failed translates an error of starting. A missing program is no missing file of a
// repository, so the error does not match fs.ErrNotExist nor fs.ErrPermission.
func (p *Process) failed(err error) error {
	cause := errors.New(err.Error())
	said := func(format string, args ...any) error {
		return syncline.WrapError(syncline.CodeInvalid, cause, format, args...)
	}
	var path *fs.PathError
	switch {
	case errors.Is(err, exec.ErrDot):
		return said("the program %s lies in the current folder, and such programs run only with ./ before their name", p.name)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return said("there is no program %s; install it, or name it with its path", p.name)
	case errors.Is(err, fs.ErrPermission):
		return said("the program %s may not be run: access is denied", p.name)
	case errors.As(err, &path):
		return said("the program %s cannot be run (%v)", p.name, path.Err)
	}
	return syncline.WrapError(syncline.CodeUnavailable, cause, "the program %s cannot be run (%v)", p.name, err)
}

// await waits for the program's end.
func (p *Process) await(said *lines) {
	err := p.cmd.Wait()
	p.background()
	// Its descendants in its group end with it.
	killGroup(p.cmd.Process.Pid)
	said.flush()
	p.err = syncline.WrapError(syncline.CodeUnavailable, err, "%s ended%s", p.name, ending(p.cmd.ProcessState))
	_ = p.stdin.Close()
	close(p.done)
	// A descendant outside of the group can hold the output, whose reader would wait for it.
	time.AfterFunc(patience, func() { _ = p.stdout.Close() })
}

// ending says in brackets how a program ended.
func ending(s *os.ProcessState) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(" (%s)", s)
}

// Read reads from the program's standard output.
func (p *Process) Read(b []byte) (int, error) { return p.stdout.Read(b) }

// Write writes to the program's standard input.
func (p *Process) Write(b []byte) (int, error) { return p.stdin.Write(b) }

// SetDeadline bounds reads and writes.
func (p *Process) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline bounds reads.
func (p *Process) SetReadDeadline(t time.Time) error { return p.stdout.SetReadDeadline(t) }

// SetWriteDeadline bounds writes.
func (p *Process) SetWriteDeadline(t time.Time) error { return p.stdin.SetWriteDeadline(t) }

// Answered takes the terminal back from the program.
func (p *Process) Answered() { p.background() }

// Done returns a channel that is closed when the program has ended and all its lines are
// told.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says, after Done, how the program ended. It is never nil then, and has
// CodeUnavailable.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Succeeded reports, after Done, whether the program ended with exit status 0.
func (p *Process) Succeeded() bool {
	<-p.done
	return p.cmd.ProcessState != nil && p.cmd.ProcessState.Success()
}

// Stop ends the program and waits for its end: its standard input is closed, and after
// five seconds it is killed with all that it has started.
func (p *Process) Stop() { p.end(patience) }

// Kill ends the program at once and waits for its end.
func (p *Process) Kill() { p.end(0) }

func (p *Process) end(after time.Duration) {
	p.stop.Do(func() {
		p.background()
		_ = p.stdin.Close()
	})
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		killGroup(p.cmd.Process.Pid)
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	_ = p.stdout.Close()
}

// maxLine bounds a line of standard error, in bytes.
const maxLine = 1000

// lines cuts a stream into lines.
type lines struct {
	told func(string)
	line []byte
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		at := bytes.IndexByte(b, '\n')
		part := b
		if at >= 0 {
			part = b[:at]
		}
		part = part[:min(len(part), maxLine-len(l.line))]
		l.line = append(l.line, part...)
		b = b[len(part):]
		switch {
		case len(b) > 0 && b[0] == '\n':
			b = b[1:]
			l.tell()
		case len(l.line) == maxLine:
			l.tell()
		}
	}
	return n, nil
}

func (l *lines) tell() {
	if l.told != nil {
		l.told(strings.TrimSuffix(string(l.line), "\r"))
	}
	l.line = l.line[:0]
}

// flush tells the last line, which no line feed ends.
func (l *lines) flush() {
	if len(l.line) > 0 {
		l.tell()
	}
}
