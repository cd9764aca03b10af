package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
)

// The variables that name the administrator's first password.
const (
	adminPasswordVariable     = "SYNCLINE_ADMIN_PASSWORD"
	adminPasswordFileVariable = "SYNCLINE_ADMIN_PASSWORD_FILE"
)

// initialPasswordFile holds a password that was made where nobody could read it
// from a terminal.
const initialPasswordFile = "initial-password"

// firstPassword is the administrator's at the first start of a server.
type firstPassword struct {
	password string
	origin   string // the variable that names it, "" when it is made here
	// created is called when the user is there; nil for nothing to do.
	created func() error
}

// chooseFirstPassword returns what the variables name, or a random password: told
// on a terminal, and written to a file in the data directory elsewhere, where
// standard output is often kept for others to read.
func chooseFirstPassword(getenv func(string) string, out io.Writer, data string) (firstPassword, error) {
	password, file := getenv(adminPasswordVariable), getenv(adminPasswordFileVariable)
	switch {
	case password != "" && file != "":
		return firstPassword{}, usageError(adminPasswordVariable + " and " + adminPasswordFileVariable + " are both set; set one of them")
	case password != "":
		return firstPassword{password: password, origin: adminPasswordVariable}, nil
	case file != "":
		password, err := readTextFile(file)
		if err == nil && password == "" {
			err = syncline.Errorf(syncline.CodeInvalid, "%s is empty; write a password into it", file)
		}
		if err != nil {
			return firstPassword{}, syncline.WrapError(syncline.CodeInvalid, err, "%s: %s", adminPasswordFileVariable, syncline.MessageOf(err))
		}
		return firstPassword{password: password, origin: adminPasswordFileVariable}, nil
	}
	password = auth.GeneratePassword()
	if _, ok := isTerminal(out); ok {
		return firstPassword{password: password, created: func() error {
			_, err := fmt.Fprintf(out, "created user administrator with password %s\n", password)
			return err
		}}, nil
	}
	file = filepath.Join(data, initialPasswordFile)
	// Before the user is there: nobody else knows the password.
	if err := writeInitialPassword(file, password); err != nil {
		return firstPassword{}, cannotUse(err, data)
	}
	return firstPassword{password: password, created: func() error {
		_, err := fmt.Fprintf(out, "created user administrator; the password is in %s: remove the file when it is read\n", file)
		return err
	}}, nil
}

// writeInitialPassword writes a file that only its owner reads. One that is there
// is from a first start that ended half-way.
func writeInitialPassword(file, password string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(password + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
