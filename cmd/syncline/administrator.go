package main

import (
	"context"
	"fmt"
	"io"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/given"
	"syncline.dev/syncline/internal/server"
)

// The variables that name the administrator's first password.
const (
	adminPasswordVariable     = "SYNCLINE_ADMIN_PASSWORD"
	adminPasswordFileVariable = "SYNCLINE_ADMIN_PASSWORD_FILE"
)

// chooseFirstPassword returns the password in the variables, or a random one. It
// prints a random password on a terminal. Other outputs are often kept for others
// to read, so there it writes the password into a file in the data directory.
func chooseFirstPassword(ctx context.Context, getenv func(string) string, out io.Writer, data string) (server.FirstPassword, error) {
	password, file := getenv(adminPasswordVariable), getenv(adminPasswordFileVariable)
	switch {
	case password != "" && file != "":
		return server.FirstPassword{}, usageError(adminPasswordVariable + " and " + adminPasswordFileVariable + " are both set; set one of them")
	case password != "":
		return server.FirstPassword{Password: password, Origin: adminPasswordVariable}, nil
	case file != "":
		password, err := given.File(ctx, file)
		if err == nil && password == "" {
			err = syncline.Errorf(syncline.CodeInvalid, "%s is empty; write a password into it", file)
		}
		if err != nil {
			return server.FirstPassword{}, syncline.WrapError(syncline.CodeOf(err), err, "%s: %s", adminPasswordFileVariable, syncline.MessageOf(err))
		}
		return server.FirstPassword{Password: password, Origin: adminPasswordFileVariable}, nil
	}
	password = auth.GeneratePassword()
	if _, ok := isTerminal(out); ok {
		return server.FirstPassword{Password: password, Created: func() error {
			_, err := fmt.Fprintf(out, "created user administrator with password %s\n", password)
			return err
		}}, nil
	}
	// The file comes before the user: nobody else knows the password.
	file, err := server.WriteInitialPassword(data, password)
	if err != nil {
		return server.FirstPassword{}, err
	}
	return server.FirstPassword{
		Password: password,
		Created: func() error {
			_, err := fmt.Fprintf(out, "created user administrator; the password is in %s: remove the file when it is read\n", file)
			return err
		},
		Discarded: func() error { return server.RemoveInitialPassword(file) },
	}, nil
}
