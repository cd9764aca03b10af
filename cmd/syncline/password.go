package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/given"
)

// errEmptyPassword is one error for all the ways to give none.
var errEmptyPassword = syncline.Errorf(syncline.CodeInvalid,
	"an empty password is not allowed; name one with RESTIC_PASSWORD, --password-file or --password-command, or pass --insecure-no-password when the repository has none")

// givenPassword returns the password that flags and variables name, in
// restic's order: command, file, RESTIC_PASSWORD. ok is false when nothing
// names one.
func (e *environment) givenPassword(ctx context.Context) (password string, ok bool, err error) {
	switch {
	case e.passwordCommand != "" && e.passwordFile != "":
		return "", false, usageError("Password file and command are mutually exclusive options")
	case e.passwordCommand != "":
		password, err = given.Command(ctx, e.passwordCommand, e.stderr)
	case e.passwordFile != "":
		password, err = given.File(ctx, e.passwordFile)
	default:
		password = e.getenv("RESTIC_PASSWORD")
		ok = password != ""
	}
	if err != nil {
		return "", false, err
	}
	ok = ok || e.passwordCommand != "" || e.passwordFile != ""
	switch {
	case e.insecureNoPassword && password != "":
		return "", false, usageError("--insecure-no-password must not be specified together with providing a password via a cli option or environment variable")
	case e.insecureNoPassword:
		return "", true, nil
	case ok && password == "":
		return "", false, errEmptyPassword
	}
	return password, ok, nil
}

// passwordAtHand returns the password that a variable or an ordinary file has. A command is
// not run for it, and a pipe can be read only once. ok is also false for a password that
// cannot be used; givenPassword says why.
func (e *environment) passwordAtHand(ctx context.Context) (password string, ok bool) {
	if e.passwordCommand != "" {
		return "", false
	}
	if e.passwordFile != "" {
		if info, err := os.Stat(e.passwordFile); err != nil || !info.Mode().IsRegular() {
			return "", false
		}
	}
	password, ok, err := e.givenPassword(ctx)
	return password, ok && err == nil
}

// promptTries bounds the questions for a password on a terminal.
const promptTries = 3

// askPassword calls open with the password. On a terminal it asks for the
// password, and asks again after a wrong one. Elsewhere it reads a line of standard
// input.
func (e *environment) askPassword(ctx context.Context, open func(password string) error) error {
	fd, terminal := isTerminal(e.stdin)
	if !terminal {
		in := bufio.NewReader(io.LimitReader(e.stdin, given.MaxSize))
		line, err := given.Await(ctx, func() (string, error) { return in.ReadString('\n') })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return syncline.WrapError(syncline.CodeInvalid, err, "the password cannot be read from standard input")
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return errEmptyPassword
		}
		return open(line)
	}
	for try := 1; ; try++ {
		password, err := e.prompt(ctx, fd, "enter password for repository: ")
		if err == nil && password == "" {
			err = errEmptyPassword
		} else if err == nil {
			err = open(password)
		}
		again := errors.Is(err, errEmptyPassword) || syncline.CodeOf(err) == syncline.CodeWrongPassword
		if !again || try == promptTries {
			return err
		}
		fmt.Fprintf(e.stderr, "%s; try again\n", oneLine(messageOf(err)))
	}
}

// prompt reads a line of the terminal without showing it. When ctx ends, prompt
// restores the terminal and returns. The read goes on, because nothing can end it;
// the program ends soon after.
func (e *environment) prompt(ctx context.Context, fd int, text string) (string, error) {
	state, err := term.GetState(fd)
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "the password cannot be read from the terminal; use RESTIC_PASSWORD or --password-file")
	}
	type result struct {
		line []byte
		err  error
	}
	done := make(chan result, 1)
	fmt.Fprint(e.stderr, text)
	go func() {
		line, err := term.ReadPassword(fd)
		done <- result{line, err}
	}()
	defer fmt.Fprintln(e.stderr)
	select {
	case r := <-done:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", syncline.WrapError(syncline.CodeInvalid, r.err, "the password cannot be read from the terminal; use RESTIC_PASSWORD or --password-file")
		}
		return string(r.line), nil
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, state))
	}
}
