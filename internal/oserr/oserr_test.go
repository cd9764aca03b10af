package oserr_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/oserr"
)

func TestAdvice(t *testing.T) {
	const rights = "check the rights of it"
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.EMFILE, "no file handle is left"},
		{syscall.ENFILE, "LimitNOFILE"},
		{syscall.ENOSPC, "the disk is full"},
		{syscall.EDQUOT, "the disk is full"},
		{syscall.EROFS, "can only be read"},
		{syscall.EACCES, rights},
		{syscall.EPERM, rights},
		{fs.ErrPermission, rights},
		{syscall.ENOENT, "is missing"},
		{syscall.ENOTDIR, "is missing"},
		{syscall.EIO, "the disk failed"},
		{syscall.ELOOP, "the system says: " + syscall.ELOOP.Error()},
		{errors.New("secret detail"), "the log tells why"},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", &os.PathError{Op: "open", Path: "/srv/secret", Err: c.err})} {
			got := oserr.Advice(err, rights)
			if !strings.Contains(got, c.want) || strings.Contains(got, "secret") || c.want != rights && strings.Contains(got, "rights") {
				t.Errorf("%v: %q", err, got)
			}
		}
	}
	if oserr.NoHandlesNow() {
		t.Error("this test has file handles")
	}
}
