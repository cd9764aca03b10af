// Package given reads what flags and variables name: a file with one text in it,
// and a command that prints a password.
package given

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"unicode/utf16"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/words"
)

// MaxSize bounds a text, in bytes.
const MaxSize = 1 << 20

// Await returns what read returns, or the error of ctx when ctx ends first. A named pipe
// that nobody writes to holds its reader for good, and nothing can end such a read: it
// goes on in the background until the program ends.
func Await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// File returns a file's text without the white space around it. It waits for the writer
// of a pipe until ctx ends.
func File(ctx context.Context, path string) (string, error) {
	return Await(ctx, func() (string, error) { return file(path) })
}

func file(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s does not exist", path)
	}
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be read (%v)", path, errors.Unwrap(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	switch {
	case err != nil:
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be read (%v)", path, errors.Unwrap(err))
	case len(data) > MaxSize:
		return "", syncline.Errorf(syncline.CodeInvalid, "%s is larger than 1 MiB; name a file with nothing but one line in it", path)
	}
	return strings.TrimSpace(Decode(data)), nil
}

// Decode turns UTF-16 with a byte order mark into UTF-8, as editors on
// Windows write it, and drops the mark of UTF-8.
func Decode(data []byte) string {
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

// Command runs the command that prints a password, and returns the password.
func Command(ctx context.Context, command string, stderr io.Writer) (string, error) {
	parts, err := words.Split(command)
	if err != nil {
		return "", syncline.Errorf(syncline.CodeInvalid, "the password command cannot be run: %v", err)
	}
	cmd := exec.CommandContext(ctx, parts[0], parts[1:]...)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", syncline.WrapError(syncline.CodeInvalid, err, "the password command %q failed (%v)", parts[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
