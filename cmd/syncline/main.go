// Command syncline synchronizes the metadata of restic repositories into local
// catalogs and answers questions from them, as a server or on the command line.
//
// This package reads flags and prints. The packages that it calls do the work.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/heapgoal"
	"syncline.dev/syncline/internal/local"
)

func main() {
	heapgoal.Bound()
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program. It returns the exit code.
func run(args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)

	env := &environment{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRootCommand(env)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !env.started {
		err = commandLineError(err)
	}
	if err == nil {
		return 0
	}
	if env.engine != nil && errors.Is(err, catalog.ErrDamaged) {
		err = errors.Join(err, env.engine.MarkDamaged())
	}
	code := exitCode(err)
	printError(env, code, err)
	return code
}

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "syncline",
		Short:         "Synchronize the metadata of restic repositories and explore it",
		Long:          longHelp(),
		SilenceErrors: true,
		SilenceUsage:  true,
		// Before this runs, cobra's errors are about the command line.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			env.started = true
			if env.json && !writesContent[cmd.Name()] {
				env.stdout = jsonFor(env.stdout)
			}
			return env.check(cmd)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asked, err := cmd.Flags().GetBool("version"); err != nil || asked {
				return errors.Join(err, env.printVersion())
			}
			return cmd.Help()
		},
	}
	root.Flags().Bool("version", false, "print the version, as the command version does")
	env.addGlobalFlags(root.PersistentFlags())
	root.AddCommand(
		takingGlobals(newServeCommand(), "verbose"),
		takingGlobals(newDemoCommand(), "verbose"),
		takingGlobals(newConfigCommand(), "verbose"),
		takingGlobals(newUserCommand(), "verbose"),
		takingGlobals(newBackupStateCommand(env), "quiet", "verbose"),
		takingGlobals(newRestoreStateCommand(env), "quiet", "verbose"),
		takingGlobals(newMigrateDatabaseCommand(env), "quiet", "verbose"),
		takingGlobals(newDoctorCommand(env), "server", "json", "quiet", "verbose"),
		newSyncCommand(env),
		newSnapshotsCommand(env),
		newLsCommand(env),
		newFindCommand(env),
		newHistoryCommand(env),
		newDiffCommand(env),
		newStatsCommand(env),
		newCatCommand(env),
		newDumpCommand(env),
		newRestoreCommand(env),
		takingGlobals(newLoginCommand(env), "cacert", "json", "quiet", "verbose"),
		takingGlobals(newLogoutCommand(env), "server", "json", "quiet", "verbose"),
		takingGlobals(newAlarmsCommand(env), "server", "cacert", "json", "quiet", "verbose"),
		takingGlobals(newMachinesCommand(env), "server", "cacert", "json", "quiet", "verbose"),
		takingGlobals(newNodesCommand(env), "server", "cacert", "json", "quiet", "verbose"),
		takingGlobals(newApplyCommand(env), "server", "quiet", "verbose"),
		takingGlobals(newExportCommand(env), "server", "quiet", "verbose"),
		newVersionCommand(env),
	)
	root.AddCommand(newResticCommands()...)
	return root
}

// longHelp is the help of the whole program. The kinds of storage say how their
// addresses are written.
func longHelp() string {
	forms, variables := local.Addresses()
	return `Syncline synchronizes the metadata of restic repositories into a local catalog.
It lists, searches and compares backups from the catalog and does not read the
repository again. It runs as a server, or each command runs by itself with -r.
Syncline never writes to a repository.

` + wrap(`Repositories and passwords have restic's flags and variables: -r or RESTIC_REPOSITORY, --password-file, RESTIC_PASSWORD and so on. The addresses of repositories are `+
		forms+`. Credentials have restic's variables, too: `+variables+`. RESTIC_HOST sets --host. Syncline accepts the flags of restic that have no effect on reading, such as --no-lock and --compression.`) + `

With --server or SYNCLINE_SERVER the commands ask a running server instead. Sign
in with syncline login first. -r is then the name or the id of a repository on
the server. A server with a single repository needs no -r.

Exit status: 0 success; 1 failure; 2 an unknown flag or command or a wrong number
of arguments; 10 no such repository; 11 objects are missing and the repository has
an exclusive lock; 12 wrong password; 130 interrupted.`
}

// wrap breaks a paragraph into lines of 80 characters.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
		case column+1+len(word) > 80:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// writesContent are the commands that write the bytes of files.
var writesContent = map[string]bool{"cat": true, "dump": true}

// usageError is an error in the arguments: a wrong value, or values that
// contradict each other.
type usageError string

func (e usageError) Error() string { return string(e) }

// syntaxError is a command line that cannot be understood: an unknown command or
// flag, or a wrong number of arguments.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

// commandLineError turns an error of the parser into one for the user.
func commandLineError(err error) error {
	const hint = " (syncline help tells how it is used)"
	text := oneLine(err.Error())
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		var number *strconv.NumError
		if errors.As(err, &number) { // its text is for programmers
			text = strings.Replace(text, oneLine(number.Error()), whyNoNumber(number), 1)
		}
		return usageError(text + hint)
	}
	return syntaxError(text + hint)
}

func whyNoNumber(err *strconv.NumError) string {
	switch {
	case errors.Is(err, strconv.ErrRange):
		return "the number is too large"
	case strings.HasSuffix(err.Func, "Bool"):
		return "it must be true or false"
	}
	return "it must be a whole number"
}

// exitInterrupted is the shells' status of a program that SIGINT ended.
const exitInterrupted = 130

// exitCodes maps the codes of errors that scripts tell apart, in restic's
// numbers. All others are 1.
var exitCodes = map[syncline.Code]int{
	syncline.CodeNoRepository:  10,
	syncline.CodeLocked:        11,
	syncline.CodeWrongPassword: 12,
	syncline.CodeCanceled:      exitInterrupted,
}

func exitCode(err error) int {
	var syntax syntaxError
	if errors.As(err, &syntax) {
		return 2
	}
	if code, ok := exitCodes[syncline.CodeOf(err)]; ok {
		return code
	}
	return 1
}

// printError writes the one line that tells why the program failed; with
// --json the object that restic writes.
func printError(env *environment, code int, err error) {
	message := messageOf(err)
	if env.verbose > 0 && code != exitInterrupted {
		message = err.Error()
	}
	if env.json {
		// A failure to write to standard error cannot be told.
		_ = json.NewEncoder(jsonFor(env.stderr)).Encode(struct {
			MessageType string `json:"message_type"`
			Code        int    `json:"code"`
			Message     string `json:"message"`
		}{"exit_error", code, message})
		return
	}
	fmt.Fprintf(env.stderr, "syncline: %s\n", oneLine(message))
}

// messageOf is the sentence for the user.
func messageOf(err error) string { return local.MessageOf(err) }

// oneLine turns text into one printable line.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return printable(strings.Join(lines, " "))
}
