package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/declare"
	"syncline.dev/syncline/internal/given"
	"syncline.dev/syncline/internal/local"
	"syncline.dev/syncline/internal/server"
)

const applyHelp = `Make a server what a file declares: accounts, keys, storages, repositories, rules of
alarms and users. The command compares the file with the server and changes what
differs, in the order in which things need one another. Applying a file twice changes
nothing.

Everything that the file declares carries the file's name as managedBy. The console
shows it, and only the file changes it from then on. A thing of nobody's with a
declared name is taken over. --prune removes what the file declared before and does
not declare any more, and nothing else.

A secret stands in a file of its own or in a variable: {file: PATH} or
{env: VARIABLE}. A secret that is left out stays as the server has it. Neither
--dry-run nor a message shows a secret.

A step that fails does not stop the steps that need nothing of it. Apply the file
again to take the steps that are left.

--server names a server to which syncline login has signed in an administrator.
--data names the data directory of a server on this machine instead; the command
then runs as the server's user and needs no sign-in.`

// target says which server a command changes.
type target struct {
	data  string
	given bool // data was given
}

func (t *target) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.data, "data", "", "use the running server of this data `directory`, without a sign-in")
}

// read looks at which of the flags are given.
func (t *target) read(cmd *cobra.Command) error {
	t.given = cmd.Flags().Changed("data")
	if t.given && cmd.Flags().Changed("server") {
		return usageError("--server and --data cannot be given together; leave one of them out")
	}
	return nil
}

func newApplyCommand(env *environment) *cobra.Command {
	var t target
	var file string
	var dry, prune bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE (--server URL | --data DIR)",
		Short: "Make a server what a file declares",
		Long:  applyHelp,
		Example: `syncline apply -f fleet.yaml --dry-run --server https://backup.example:4443
syncline apply -f fleet.yaml --prune --data /var/lib/syncline`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError("please name the file with -f; - is standard input")
			}
			if err := t.read(cmd); err != nil {
				return err
			}
			return env.apply(cmd.Context(), t, file, prune, dry)
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "`file` of declarations, in YAML; - for standard input")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "print what would change, and change nothing")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove what the file managed and does not declare")
	return cmd
}

func newExportCommand(env *environment) *cobra.Command {
	var t target
	var name string
	cmd := &cobra.Command{
		Use:   "export (--server URL | --data DIR)",
		Short: "Print what a server has as a file for syncline apply",
		Long: `Print the accounts, keys, storages, repositories, rules of alarms and users of a
server as a file for syncline apply. Secrets never leave the server: the file names a
variable for each. Applying the file changes nothing but that it manages what nobody
managed.

With --name the file has that name and holds what it manages or nobody does. Without
it the name is that of the only file that manages anything, or "syncline".`,
		Example: `syncline export --data /var/lib/syncline > fleet.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := t.read(cmd); err != nil {
				return err
			}
			return env.target(t, "", func(c *client.Client, _ string) error {
				text, err := declare.Export(cmd.Context(), c, name)
				if err == nil {
					_, err = env.stdout.Write(text)
				}
				return err
			})
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&name, "name", "", "`name` of the file")
	return cmd
}

// target runs fn with the server that the flags name, and with the name of the user. The
// requests are made for a file of declarations, "" for none.
func (e *environment) target(t target, manager string, fn func(c *client.Client, user string) error) error {
	if t.given {
		e.server = "" // the variable names another one
		return e.throughDoor(t.data, manager, fn)
	}
	if e.server == "" {
		return usageError("please name the server with --server URL, or the data directory of a server on this machine with --data DIR")
	}
	return e.signedIn(manager, fn)
}

// throughDoor runs fn with the server that runs on a data directory.
func (e *environment) throughDoor(data, manager string, fn func(*client.Client, string) error) error {
	d, err := server.FindDoor(data)
	if err != nil {
		return err
	}
	token := client.Token{AccessToken: d.Token.Reveal(), Expires: time.Unix(math.MaxInt32, 0)}
	c, err := newClient(d.URL, client.Options{Tokens: client.NewMemoryStore(token), Fingerprint: d.Fingerprint, Manager: manager})
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	err = serverError(fn(c, ""))
	if syncline.CodeOf(err) == syncline.CodeUnauthenticated {
		err = syncline.WrapError(syncline.CodeUnavailable, err, "the server of the data directory %s is another one than the one that wrote local-access.json; try again, or restart the server", data)
	}
	return err
}

func (e *environment) apply(ctx context.Context, t target, path string, prune, dry bool) error {
	f, err := given.Await(ctx, func() (*declare.File, error) { return e.declared(path) })
	if err != nil {
		return err
	}
	return e.target(t, f.Name, func(c *client.Client, user string) error {
		plan, err := declare.Make(ctx, f, c, declare.Options{
			Prune: prune, Getenv: e.getenv, Self: user, Address: local.StoredAddress,
			ReadFile: func(path string) (string, error) { return given.File(ctx, path) },
		})
		if err != nil {
			return err
		}
		for _, s := range plan.Left {
			e.note("the %s %q was declared in the file and is not any more; --prune removes it", s.Kind, printable(s.Name))
		}
		added, changed, removed := plan.Count()
		if dry {
			for _, s := range plan.Steps {
				fmt.Fprintln(e.stdout, s)
			}
			fmt.Fprintf(e.stdout, "%d to add, %d to change, %d to remove\n", added, changed, removed)
			return nil
		}
		return e.take(ctx, c, plan)
	})
}

// take takes the steps of a plan and tells of each.
func (e *environment) take(ctx context.Context, c *client.Client, plan *declare.Plan) error {
	done := 0
	failed := plan.Apply(ctx, c, func(o declare.Outcome) {
		switch {
		case o.Because != "":
			fmt.Fprintf(e.stdout, "not done: %s %s %q, because %s\n", o.Action, o.Kind, o.Name, printable(o.Because))
		case o.Err != nil:
			fmt.Fprintf(e.stdout, "failed:   %s %s %q: %s\n", o.Action, o.Kind, o.Name, oneLine(declare.MessageOf(o.Err)))
		default:
			done++
			fmt.Fprintf(e.stdout, "done:     %s %s %q\n", o.Action, o.Kind, o.Name)
		}
	})
	switch {
	case failed > 0:
		return syncline.Errorf(syncline.CodeConflict, "%d of %d steps are not done; mend what is named above and apply the file again, which takes the steps that are left", failed, done+failed)
	case done == 0:
		fmt.Fprintln(e.stdout, "nothing to change")
	}
	return nil
}

// declared reads a file of declarations; "-" is standard input.
func (e *environment) declared(path string) (*declare.File, error) {
	in := e.stdin
	folder, name := ".", "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "the file %s cannot be read", path)
		}
		defer f.Close()
		in, folder, name = f, filepath.Dir(path), path
	}
	f, err := declare.Read(in, folder)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeOf(err), err, "%s: %s", name, syncline.MessageOf(err))
	}
	return f, nil
}
