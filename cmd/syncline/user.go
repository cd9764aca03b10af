package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/server"
)

func newUserCommand() *cobra.Command {
	var where databaseFlags
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Manage the server's users",
		Long: `Manage the users of the server whose data directory is --data, or of the fleet whose
database is --database; the file of --config may name both. Running servers apply
changes within seconds.

A new password has at least 12 characters and is not one of the most common ones.
Passwords in use stay valid.

The roles: an administrator may do everything. An operator sees, synchronizes and
stops. A restorer sees and gets contents back. A viewer sees.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	where.add(cmd.PersistentFlags())
	with := func(fn func(cmd *cobra.Command, d *server.DataDir, args []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			chosen, err := where.settings()
			if err != nil {
				return err
			}
			return server.WithDataDir(cmd.Context(), chosen, func(d *server.DataDir) error {
				for _, w := range d.Warnings() {
					fmt.Fprintf(cmd.ErrOrStderr(), "syncline: warning: %s\n", w)
				}
				return fn(cmd, d, args)
			})
		}
	}
	var role string
	add := &cobra.Command{
		Use: "add NAME", Short: "Add a user; the password is asked for, or read from standard input", Args: cobra.ExactArgs(1),
		RunE: with(func(cmd *cobra.Command, d *server.DataDir, args []string) error {
			r, err := syncline.ParseRole(role)
			if err != nil {
				return err
			}
			password, err := newPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return d.Auth.AddUser(cmd.Context(), args[0], password, r)
		}),
	}
	add.Flags().StringVar(&role, "role", string(syncline.RoleViewer), "`role`: administrator, operator, restorer or viewer")
	list := &cobra.Command{
		Use: "list", Short: "List the users and their roles", Args: cobra.NoArgs,
		RunE: with(func(cmd *cobra.Command, d *server.DataDir, _ []string) error { return listUsers(cmd, d) }),
	}
	passwd := &cobra.Command{
		Use: "passwd NAME", Short: "Set a user's password; it is asked for, or read from standard input", Args: cobra.ExactArgs(1),
		RunE: with(func(cmd *cobra.Command, d *server.DataDir, args []string) error {
			password, err := newPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return d.Auth.SetPassword(cmd.Context(), args[0], password)
		}),
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove a user and end the user's sign-ins", Args: cobra.ExactArgs(1),
		RunE: with(func(cmd *cobra.Command, d *server.DataDir, args []string) error {
			return d.Auth.RemoveUser(cmd.Context(), args[0])
		}),
	}
	cmd.AddCommand(add, list, passwd, newUserRoleCommand(with), remove)
	return cmd
}

// newUserRoleCommand makes the command that gives a user another role.
func newUserRoleCommand(with func(func(*cobra.Command, *server.DataDir, []string) error) func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Give a user another role and end the user's sign-ins", Args: cobra.ExactArgs(2),
		RunE: with(func(cmd *cobra.Command, d *server.DataDir, args []string) error {
			role, err := syncline.ParseRole(args[1])
			if err != nil {
				return err
			}
			return d.Auth.ChangeUser(cmd.Context(), args[0], auth.UserChange{Role: &role})
		}),
	}
}

func listUsers(cmd *cobra.Command, d *server.DataDir) error {
	users, err := d.Auth.ListUsers(cmd.Context())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tCREATED")
	for _, u := range users {
		fmt.Fprintf(w, "%s\t%s\t%s\n", printable(u.Name), u.Role, u.CreatedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return w.Flush()
}

// newPassword asks twice on a terminal, and reads one line elsewhere.
func newPassword(in io.Reader, out io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", syncline.WrapError(syncline.CodeInvalid, err, "cannot read the password from standard input")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var got [2]string
	for i, prompt := range []string{"password: ", "again: "} {
		fmt.Fprint(out, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(out)
		if err != nil {
			return "", syncline.WrapError(syncline.CodeInvalid, err, "cannot read the password")
		}
		got[i] = string(b)
	}
	if got[0] != got[1] {
		return "", syncline.Errorf(syncline.CodeInvalid, "the two passwords differ")
	}
	return got[0], nil
}
