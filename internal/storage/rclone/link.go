package rclone

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage/program"
)

// link is a running program and the connection with it. They end together.
type link struct {
	programs *Programs
	remote   string
	process  *program.Process
	conn     *http.ClientConn
	silence  *time.Timer // runs until the program's first sign of life
	spoken   atomic.Bool // there was one
	silent   atomic.Bool // there was none in time
	over     atomic.Bool // the program has closed its standard output
	stuck    atomic.Bool // it ran on after the connection's end
	look     chan *bool  // holds what nameless has found out, nil before it

	uses int         // requests; under Programs.mu, as are the next two
	used time.Time   // end of the last one
	idle *time.Timer // nil before the first idle time
}

// A connection without a sign of life is tested after a time, and ends when the test has no
// answer. So a program that is stuck is started again.
var (
	testAfter = 30 * time.Second
	testFor   = 15 * time.Second
)

// newLink starts the program of a remote.
func newLink(p *Programs, remote string) (*link, error) {
	l := &link{programs: p, remote: remote, look: make(chan *bool, 1)}
	l.look <- nil
	var err error
	l.process, err = program.Start(program.Command{
		Words: append(slices.Clone(p.Words), remote), Env: p.Env, Foreground: p.Foreground,
		Said: func(line string) {
			if p.Said != nil {
				p.Said(remote, line)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	l.silence = time.AfterFunc(p.timeout(), func() {
		l.silent.Store(true)
		l.process.Kill()
	})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	speaker := &http.Transport{
		Protocols: protocols, DisableCompression: true,
		HTTP2:       &http.HTTP2Config{SendPingTimeout: testAfter, PingTimeout: testFor},
		DialContext: func(context.Context, string, string) (net.Conn, error) { return &pipe{l.process, l}, nil },
	}
	// It only writes the connection's first bytes, which the pipe holds.
	if l.conn, err = speaker.NewClientConn(context.Background(), "http", "rclone:80"); err != nil {
		l.ended()
		return nil, &brokenError{l.failure(err, false), l}
	}
	return l, nil
}

// brokenError is the error of a program that has ended before a request was made.
type brokenError struct {
	error
	link *link
}

func (e *brokenError) Unwrap() error { return e.error }

// heard is called when the program says something.
func (l *link) heard() {
	if !l.spoken.Swap(true) {
		l.silence.Stop()
		l.process.Answered()
	}
}

// ended waits for the end of a program whose connection is broken, for a short time. One
// that runs on is ended.
func (l *link) ended() {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-l.process.Done():
	case <-timer.C:
		l.stuck.Store(true)
		l.process.Kill()
	}
	l.silence.Stop()
}

// failure says, after ended, why the connection is broken. spoke tells that the program has
// answered a request before.
func (l *link) failure(cause error, spoke bool) error {
	p := l.programs
	// The cause can match the error of a file that is too short, which this is not.
	cause = errors.New(cause.Error())
	said := func(format string, args ...any) error {
		return syncline.WrapError(syncline.CodeUnavailable, cause, format, args...)
	}
	switch {
	case l.silent.Load():
		return said("rclone gave no sign of life within %s, and was ended; %s", p.timeout(), p.Longer)
	case !spoke && l.spoken.Load() && !l.over.Load():
		return said("the program that is run as rclone does not speak HTTP/2 as rclone serve restic --stdio does; check which one is run, and its arguments")
	case l.stuck.Load():
		return said("rclone did not answer, and was ended")
	case spoke:
		return said("%s", syncline.MessageOf(l.process.Err()))
	}
	return said("%s before it answered; %s", syncline.MessageOf(l.process.Err()), p.Lines)
}

// pipe is a program as a connection.
type pipe struct {
	*program.Process
	link *link
}

// Read implements net.Conn.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.Process.Read(b)
	if n > 0 {
		p.link.heard()
	}
	if err != nil {
		p.link.over.Store(true)
	}
	return n, err
}

// Close implements net.Conn. It begins the program's end.
func (p *pipe) Close() error {
	go p.Stop()
	return nil
}

// LocalAddr implements net.Conn.
func (p *pipe) LocalAddr() net.Addr { return address{} }

// RemoteAddr implements net.Conn.
func (p *pipe) RemoteAddr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "rclone" }
