package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/term"

	"syncline.dev/syncline"
)

// maxTextFile bounds files with a password or a location in them, in bytes.
const maxTextFile = 1 << 20

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
		password, err = e.runPasswordCommand(ctx)
	case e.passwordFile != "":
		password, err = readTextFile(e.passwordFile)
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

func (e *environment) runPasswordCommand(ctx context.Context) (string, error) {
	words, err := splitWords(e.passwordCommand)
	if err != nil {
		return "", usageError("the password command cannot be run: " + err.Error())
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stderr = e.stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", syncline.WrapError(syncline.CodeInvalid, err, "the password command %q failed (%v)", words[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// splitWords cuts a command into words as restic does: at white space outside of
// quotes. Text in single or double quotes is literal. A quote behind a backslash
// does not end it.
func splitWords(s string) ([]string, error) {
	var words []string
	var quote, last rune
	start := -1 // of the word, -1 between words
	for i, c := range s {
		var boundary bool
		switch {
		case last != '\\' && quote != 0 && c == quote:
			quote, boundary = 0, true
		case last != '\\' && quote == 0 && (c == '"' || c == '\''):
			quote, boundary = c, true
		default:
			last = c
			boundary = quote == 0 && (c == '\\' || unicode.IsSpace(c))
		}
		switch {
		case boundary && start >= 0:
			words = append(words, s[start:i])
			start = -1
		case !boundary && start < 0:
			start = i
		}
	}
	if start >= 0 {
		words = append(words, s[start:])
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if len(words) == 0 {
		return nil, errors.New("it is empty")
	}
	return words, nil
}

// readTextFile reads a file's text without the white space around it.
func readTextFile(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s does not exist", path)
	}
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be read (%v)", path, errors.Unwrap(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTextFile+1))
	switch {
	case err != nil:
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be read (%v)", path, errors.Unwrap(err))
	case len(data) > maxTextFile:
		return "", syncline.Errorf(syncline.CodeInvalid, "%s is larger than 1 MiB; name a file with nothing but one line in it", path)
	}
	return strings.TrimSpace(decodeText(data)), nil
}

// decodeText turns UTF-16 with a byte order mark, which editors on Windows write,
// into UTF-8. It drops the byte order mark of UTF-8.
func decodeText(data []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return string(bytes.TrimPrefix(data, []byte("\ufeff")))
	}
	var units []uint16
	for data = data[2:]; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return string(utf16.Decode(units))
}

// promptTries bounds the questions for a password on a terminal.
const promptTries = 3

// withPassword calls open with the password. On a terminal it asks for the
// password, and asks again after a wrong one. Elsewhere it reads a line of standard
// input.
func (e *environment) withPassword(ctx context.Context, given string, ok bool, open func(password string) error) error {
	if ok {
		return open(given)
	}
	fd, terminal := isTerminal(e.stdin)
	if !terminal {
		line, err := bufio.NewReader(io.LimitReader(e.stdin, maxTextFile)).ReadString('\n')
		if err != nil && err != io.EOF {
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
