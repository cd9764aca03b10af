package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/given"
	"syncline.dev/syncline/internal/server"
	"syncline.dev/syncline/internal/statefile"
)

// passphraseVariable has the passphrase of a sealed copy of the state.
const passphraseVariable = "SYNCLINE_STATE_PASSPHRASE"

// stateFlags are shared by backup-state and restore-state.
type stateFlags struct {
	where          databaseFlags
	passphraseFile string
}

func (s *stateFlags) add(f *pflag.FlagSet) {
	s.where.addDirectory(f, "secret-key-file")
	f.String("secret-key-file", "", "`file` with the key, where serve has this flag (default: $SYNCLINE_SECRET_KEY_FILE, else secret.key in the data directory)")
	f.StringVar(&s.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the copy (default: $"+passphraseVariable+", else it is asked for)")
}

// passphrase returns the passphrase of the file or the variable, or asks for it on the
// terminal, twice for a new one.
func (s *stateFlags) passphrase(ctx context.Context, env *environment, again bool) (string, error) {
	text := env.getenv(passphraseVariable)
	if s.passphraseFile != "" {
		var err error
		if text, err = given.File(ctx, s.passphraseFile); err != nil {
			return "", syncline.WrapError(syncline.CodeOf(err), err, "--passphrase-file: %s", syncline.MessageOf(err))
		}
	}
	if text != "" {
		return text, nil
	}
	fd, ok := isTerminal(env.stdin)
	if !ok || s.passphraseFile != "" {
		return "", syncline.Errorf(syncline.CodeInvalid, "the copy needs a passphrase; name one with --passphrase-file or %s, or call the command on a terminal", passphraseVariable)
	}
	text, err := env.prompt(ctx, fd, "passphrase of the copy: ")
	if err != nil || !again {
		return text, err
	}
	second, err := env.prompt(ctx, fd, "again: ")
	if err == nil && second != text {
		err = syncline.Errorf(syncline.CodeInvalid, "the two passphrases differ")
	}
	return text, err
}

func newBackupStateCommand(env *environment) *cobra.Command {
	var s stateFlags
	b := server.StateBackup{Version: version}
	var withKey bool
	cmd := &cobra.Command{
		Use:   "backup-state FILE",
		Short: "Copy everything of the server that cannot be rebuilt into one file",
		Long: `Write one file with the server's database and its self-signed certificate, while
the server runs or not. FILE "-" is standard output. The catalogs are not in the
file: the server builds them from the repositories. A certificate of --tls-cert and
the configuration file are yours to keep. The file of --config tells where the data
and the key are, as it does for serve. A fleet's state in PostgreSQL is refused:
pg_dump copies it.

Without --with-key the key that opens the stored passwords stays out. Keep
secret.key elsewhere: without it, every password has to be entered again.
--with-key adds the key and seals the whole file with a passphrase, as age does:
"age -d FILE | tar xz" opens it, too. An open file has the hashes of the users'
passwords and the private key of the certificate in it; its mode is 0600.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := s.where.directory()
			if err != nil {
				return err
			}
			b.Data, b.SecretKeyFile = chosen.Data, chosen.SecretKeyFile
			if s.passphraseFile != "" && !withKey {
				return usageError("--passphrase-file is for a copy with --with-key; add --with-key, or leave it out")
			}
			if withKey {
				b.Passphrase = func() (string, error) { return s.passphrase(cmd.Context(), env, true) }
			}
			switch _, terminal := isTerminal(env.stdout); {
			case args[0] == "":
				return usageError("the name of the file is empty")
			case args[0] != "-":
				b.To = args[0]
			case b.Force:
				return usageError("--force replaces a file, and standard output is none; leave it out")
			case terminal:
				return usageError("a copy is not written to a terminal; name a file, or redirect standard output")
			default:
				b.Out = env.stdout
			}
			m, err := b.Run(cmd.Context())
			if err != nil {
				return err
			}
			tellBackup(env, &b, m)
			return nil
		},
	}
	f := cmd.Flags()
	s.add(f)
	f.BoolVar(&withKey, "with-key", false, "add secret.key, and seal the file with a passphrase")
	f.BoolVar(&b.Force, "force", false, "replace FILE if it exists")
	return cmd
}

// tellBackup says what a copy holds and what it lacks.
func tellBackup(env *environment, b *server.StateBackup, m statefile.Manifest) {
	to := b.To
	switch info, err := os.Stat(b.To); {
	case b.To == "":
		to = "standard output"
	case err == nil:
		to += " (" + diskspace.Size(info.Size()) + ")"
	}
	env.note("the state of installation %s is in %s", m.ID, to)
	if b.Passphrase == nil {
		env.note("the key is not in it; keep a copy of secret.key elsewhere, or use --with-key")
	}
	if m.Incomplete {
		fmt.Fprintln(env.stderr, "syncline: warning: "+server.MsgIncomplete)
	}
}

func newRestoreStateCommand(env *environment) *cobra.Command {
	var s stateFlags
	var r server.StateRestore
	cmd := &cobra.Command{
		Use:   "restore-state FILE",
		Short: "Bring a copy of backup-state back into a data directory",
		Long: `Check a file of backup-state and bring it back. FILE "-" is standard input. The
data directory may be new, or hold secret.key and the catalogs of the same server.
A directory with a database, and one that a server uses, are refused. A file that is
damaged changes nothing.

The key comes from the file if it was made with --with-key, and else is the one that
is in place. Without any key the server does not start. Put secret.key into the data
directory, or pass --new-key and enter the passwords of the repositories and
accounts again. The next start uses catalogs that match the state, and builds the
others from the repositories.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			chosen, err := s.where.directory()
			if err != nil {
				return err
			}
			r.Data, r.SecretKeyFile = chosen.Data, chosen.SecretKeyFile
			r.Passphrase = func() (string, error) { return s.passphrase(cmd.Context(), env, false) }
			if r.NewKey && r.SecretKeyFile != "" {
				return usageError("--new-key makes a key in the data directory, and " + s.where.origins["secret-key-file"] + " names the file of another one; leave one of the two out")
			}
			if r.From, err = openState(env, args[0]); err != nil {
				return err
			}
			if c, ok := r.From.(io.Closer); ok && args[0] != "-" {
				defer c.Close()
			}
			done, err := r.Run(cmd.Context())
			if err != nil {
				return err
			}
			tellRestored(env, done)
			return nil
		},
	}
	f := cmd.Flags()
	s.add(f)
	f.BoolVar(&r.NewKey, "new-key", false, "make a new key if there is none; the stored passwords have to be entered again")
	return cmd
}

func openState(env *environment, name string) (io.Reader, error) {
	if name == "-" {
		return env.stdin, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be opened (%v)", name, reasonOf(err))
	}
	return f, nil
}

// tellRestored says what was restored and what is left to do.
func tellRestored(env *environment, done server.StateRestored) {
	env.note("the state of installation %s, of %s, is in %s", done.ID, done.Created.UTC().Format("2006-01-02 15:04:05 UTC"), done.Data)
	lost := plural(done.Lost, "stored password", "stored passwords")
	switch {
	case done.Key == server.KeyMissing:
		fmt.Fprintf(env.stderr, "syncline: the key is missing: put secret.key into %s before the first start (name a key elsewhere with serve --secret-key-file); if it is lost, restore again into an empty directory with --new-key and enter %s again\n", done.Data, lost)
	case done.Key == server.KeyNew:
		fmt.Fprintf(env.stderr, "syncline: the key is new: enter %s again\n", lost)
	case done.Lost > 0:
		fmt.Fprintf(env.stderr, "syncline: warning: the key does not open %s; enter them again\n", lost)
	}
	if done.Catalogs > 0 {
		env.note("%s in place; the next start uses those that match", plural(done.Catalogs, "catalog is", "catalogs are"))
	} else {
		env.note("the catalogs are built from the repositories: synchronize each after the start")
	}
	if done.Incomplete {
		fmt.Fprintln(env.stderr, "syncline: warning: "+server.MsgIncomplete)
	}
}
