// Package rclone reads a repository in whatever storage rclone reaches. It runs
// "rclone serve restic --stdio" and speaks restic's REST protocol, over HTTP/2, on the
// program's standard input and output. It knows processes and connections. Package rest
// knows the protocol.
package rclone

import (
	"cmp"
	"net/http"
	"time"

	"syncline.dev/syncline/internal/storage/program"
	"syncline.dev/syncline/internal/storage/rest"
)

// Restic's own defaults of a command.
var (
	defaultProgram = []string{"rclone"}
	defaultArgs    = []string{"serve", "restic", "--stdio", "--b2-hard-delete"}
)

// DefaultTimeout bounds the time before a program's first sign of life, as in restic.
const DefaultTimeout = time.Minute

// Config says how a command's user runs rclone. The zero value has restic's defaults.
type Config struct {
	Program     []string      // the program, with arguments that come first
	Args        []string      // the arguments before the remote
	Timeout     time.Duration // before the first sign of life
	Connections int           // requests at once that a listing makes
	// Said is called with each line of the program's standard error. The line is not
	// trusted.
	Said func(line string)
}

// Storage is a repository behind a program of its own. It implements storage.Storage.
type Storage struct {
	*rest.Storage
	programs *Programs
}

// Open returns the storage at a remote of rclone, in rclone's own words: "name:path". It
// starts nothing: the first request starts the program, with the terminal, so that it can
// ask its user. Close ends it.
func Open(remote string, c Config) (*Storage, error) {
	programs := &Programs{
		Words: append(append([]string{}, orDefault(c.Program, defaultProgram)...), orDefault(c.Args, defaultArgs)...),
		Env:   program.Environment(), Timeout: c.Timeout, Foreground: true,
		Said:  func(_, line string) { c.said(line) },
		Lines: "its own lines say why", Longer: "give it more time with -o rclone.timeout",
	}
	st, err := programs.open(remote, c.Connections)
	if err != nil {
		return nil, err
	}
	return &Storage{Storage: st, programs: programs}, nil
}

func orDefault(words, otherwise []string) []string {
	if len(words) == 0 {
		return otherwise
	}
	return words
}

func (c *Config) said(line string) {
	if c.Said != nil {
		c.Said(line)
	}
}

// Close ends the program and waits for its end.
func (s *Storage) Close() error {
	s.programs.Close()
	return nil
}

// Open returns the storage at a remote, over a program that the first request starts.
func (p *Programs) Open(remote string) (*rest.Storage, error) { return p.open(remote, 0) }

func (p *Programs) open(remote string, connections int) (*rest.Storage, error) {
	return rest.Open(rest.Config{
		Endpoint: "http://rclone", Name: "rclone", Connections: connections,
		Base: &transport{programs: p, remote: remote},
	})
}

var _ http.RoundTripper = (*transport)(nil)

func (p *Programs) timeout() time.Duration { return cmp.Or(p.Timeout, DefaultTimeout) }
