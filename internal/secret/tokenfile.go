package secret

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"syncline.dev/syncline"
)

// A token for programs has at least minToken characters, so that nobody guesses it,
// and at most maxToken.
const (
	minToken = 16
	maxToken = 512
)

// exposed reports whether other users may read or change a file. A readable group is
// allowed, because secrets are mounted into containers in this way. Windows has no
// such bits.
func exposed(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o027 != 0
}

// ReadTokenFile reads a token for programs from a file, without the white space around
// it. A file that others may read or change is refused, and so is a token that is easy
// to guess or does not fit into a header. Errors are CodeInvalid.
func ReadTokenFile(path string) (String, error) {
	text, err := readGiven(path, "name a file with the token in it", 2*maxToken)
	if err != nil {
		return String{}, err
	}
	token := strings.TrimSpace(string(text))
	odd := strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
	if odd || len(token) < minToken || len(token) > maxToken {
		return String{}, syncline.Errorf(syncline.CodeInvalid, "the file %s must hold one token of %d to %d letters, digits and signs without spaces, for example from: openssl rand -hex 32", path, minToken, maxToken)
	}
	return NewString(token), nil
}

// readGiven reads at most limit bytes of a file that the operator named, and refuses a
// file that others may read or change. advice says what to name in place of a folder.
// Errors are CodeInvalid.
func readGiven(path, advice string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if reason := new(fs.PathError); errors.As(err, &reason) {
			err = reason.Err
		}
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the file %s cannot be read (%v)", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "cannot look at the file %s", path)
	}
	if !info.Mode().IsRegular() {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%s is no regular file; %s", path, advice)
	}
	if exposed(info) {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the file %s can be read or changed by other users (mode %04o); run chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the file %s cannot be read", path)
	}
	return text, nil
}

// maxLine bounds a line that is no token.
const maxLine = 16 << 10

// ReadLineFile reads one line of text from a file, without the white space around it. A
// file that others may read or change is refused. advice says what to name in place of a
// folder. Errors are CodeInvalid and hold nothing of the text.
func ReadLineFile(path, advice string) (String, error) {
	text, err := readGiven(path, advice, maxLine+1)
	if err != nil {
		return String{}, err
	}
	line := strings.TrimSpace(string(text))
	if len(text) > maxLine || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
		return String{}, syncline.Errorf(syncline.CodeInvalid, "the file %s must hold one line of text; %s", path, advice)
	}
	return NewString(line), nil
}
