package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (e *environment) addGlobalFlags(f *pflag.FlagSet) {
	f.StringVar(&e.server, "server", e.getenv("SYNCLINE_SERVER"), "ask the running server at this `URL`; -r then names one of its repositories (default: $SYNCLINE_SERVER)")
	f.StringVarP(&e.repo, "repo", "r", e.getenv("RESTIC_REPOSITORY"), "`repository` to read (default: $RESTIC_REPOSITORY)")
	f.StringVar(&e.repositoryFile, "repository-file", e.getenv("RESTIC_REPOSITORY_FILE"), "`file` to read the repository's location from (default: $RESTIC_REPOSITORY_FILE)")
	f.StringVarP(&e.passwordFile, "password-file", "p", e.getenv("RESTIC_PASSWORD_FILE"), "`file` to read the repository's password from (default: $RESTIC_PASSWORD_FILE)")
	f.StringVar(&e.passwordCommand, "password-command", e.getenv("RESTIC_PASSWORD_COMMAND"), "`command` to get the repository's password from (default: $RESTIC_PASSWORD_COMMAND)")
	f.BoolVar(&e.insecureNoPassword, "insecure-no-password", false, "the repository has an empty password")
	f.StringVar(&e.keyHint, "key-hint", e.getenv("RESTIC_KEY_HINT"), "`id` of the key to try first (default: $RESTIC_KEY_HINT)")
	f.DurationVar(&e.retryLock, "retry-lock", 0, "wait at most this `duration`, like 5m, for an exclusive lock to go when objects are missing")
	f.StringVar(&e.cacheDir, "cache-dir", "", "`directory` of the catalogs (default: $SYNCLINE_CACHE_DIR, else syncline in $RESTIC_CACHE_DIR or in the user's cache directory)")
	f.BoolVar(&e.json, "json", false, "print JSON, in restic's form")
	f.BoolVarP(&e.quiet, "quiet", "q", false, "show no progress and no notes")
	f.CountVarP(&e.verbose, "verbose", "v", "print more, and the causes of errors")
	f.BoolVar(&e.noSync, "no-sync", false, "answer from the catalog without synchronization; needs neither the repository nor its password")
	f.BoolVar(&e.noCache, "no-cache", false, "not possible, because the catalog is a cache")
	f.Lookup("no-cache").Hidden = true
	e.addStorageFlags(f)
	e.addAcceptedFlags(f)
	// The environment's values are not the flags' defaults in the help.
	for _, name := range []string{"server", "repo", "repository-file", "password-file", "password-command", "key-hint", "tls-client-cert", "http-user-agent"} {
		f.Lookup(name).DefValue = ""
	}
	f.Lookup("cacert").DefValue = "[]"
	f.Lookup("stuck-request-timeout").DefValue = "0s"
}

// addStorageFlags adds the flags for requests to storage that is not local.
func (e *environment) addStorageFlags(f *pflag.FlagSet) {
	f.StringSliceVarP(&e.options, "option", "o", nil, "set an extended option (`key=value`, like s3.region=eu-central-1)")
	f.StringSliceVar(&e.caFiles, "cacert", splitList(e.getenv("RESTIC_CACERT")), "`file` with certificates to trust beside the system's (default: $RESTIC_CACERT)")
	f.StringVar(&e.tlsClientCert, "tls-client-cert", e.getenv("RESTIC_TLS_CLIENT_CERT"), "`file` with the client certificate for the storage and its private key, in PEM form (default: $RESTIC_TLS_CLIENT_CERT)")
	f.BoolVar(&e.insecureTLS, "insecure-tls", false, "trust any certificate of the storage; others can then read and change the data on the way")
	f.StringVar(&e.userAgent, "http-user-agent", e.getenv("RESTIC_HTTP_USER_AGENT"), "`name` of this program in requests to the storage")
	f.IntVar(&e.limitDownload, "limit-download", 0, "read at most this many KiB a second from storage that is not local (`rate`; default: no limit)")
	f.DurationVar(&e.stuckTimeout, "stuck-request-timeout", 0, "repeat a request when no data comes for this `duration` (default: 30s)")
}

// compressions are restic's modes.
var compressions = []string{"auto", "off", "fastest", "better", "max"}

// The bounds of restic's pack size, in MiB; 0 is its default.
const minPackSize, maxPackSize = 4, 128

// addAcceptedFlags adds restic's flags that have no effect on a program that only
// reads. It checks their values all the same.
func (e *environment) addAcceptedFlags(f *pflag.FlagSet) {
	const accepted = "accepted as restic has it: "
	f.Bool("no-lock", true, accepted+"reading takes no lock")
	f.Bool("cleanup-cache", false, accepted+"it is about restic's own cache")
	f.Bool("no-extra-verify", false, accepted+"nothing is uploaded")
	f.Int("limit-upload", 0, accepted+"nothing is uploaded (`rate`)")
	f.Func("compression", accepted+"nothing is compressed (`mode`)", checkCompression)
	f.Func("pack-size", accepted+"no packs are made (`size`)", checkPackSize)
	for _, name := range []string{"no-lock", "cleanup-cache", "no-extra-verify", "limit-upload", "compression", "pack-size"} {
		f.Lookup(name).Hidden = true
	}
}

func checkCompression(text string) error {
	if !slices.Contains(compressions, text) {
		return fmt.Errorf("it must be one of %s", strings.Join(compressions, ", "))
	}
	return nil
}

func checkPackSize(text string) error {
	n, err := strconv.ParseUint(text, 0, 32)
	if err != nil || n != 0 && (n < minPackSize || n > maxPackSize) {
		return fmt.Errorf("it must be a number of MiB from %d to %d", minPackSize, maxPackSize)
	}
	return nil
}

// maxRate bounds --limit-download, in KiB/s: 1 GiB/s.
const maxRate = 1 << 20

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// openedHere are the flags that have no meaning with a running server.
var openedHere = []string{
	"repository-file", "password-file", "password-command", "insecure-no-password", "key-hint", "retry-lock", "option", "cache-dir",
	"limit-download", "cacert", "tls-client-cert", "insecure-tls", "http-user-agent", "stuck-request-timeout",
}

// takesGlobals is the annotation of a command that does not take all global
// flags. It lists the flags that the command takes, separated by spaces. Every
// command takes the hidden ones, which have no effect.
const takesGlobals = "takesGlobals"

// takingGlobals makes a command and its subcommands take only these of the visible
// global flags. The others are refused and left out of the help.
func takingGlobals(cmd *cobra.Command, names ...string) *cobra.Command {
	cmd.Annotations = map[string]string{takesGlobals: strings.Join(names, " ")}
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		c.Root().PersistentFlags().VisitAll(func(f *pflag.Flag) {
			f.Hidden = f.Hidden || !slices.Contains(names, f.Name)
		})
		c.Root().HelpFunc()(c, args)
	})
	return cmd
}

// refuseOtherGlobals refuses the global flags that a command does not take. few
// reports whether the command has such a list.
func refuseOtherGlobals(cmd *cobra.Command) (few bool, err error) {
	var names string
	for c := cmd; c != nil && !few; c = c.Parent() {
		names, few = c.Annotations[takesGlobals]
	}
	if !few {
		return false, nil
	}
	global := cmd.Root().PersistentFlags()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		own := global.Lookup(f.Name) != f
		if err == nil && !own && !f.Hidden && !slices.Contains(strings.Fields(names), f.Name) {
			err = usageError(fmt.Sprintf("--%s does nothing for %s; leave it out (%s --help lists its flags)", f.Name, cmd.CommandPath(), cmd.CommandPath()))
		}
	})
	return true, err
}

// check refuses global flags that have no meaning for the command or together. It
// also reads the variables that have no flag.
func (e *environment) check(cmd *cobra.Command) error {
	f := cmd.Flags()
	few, err := refuseOtherGlobals(cmd)
	if err != nil {
		return err
	}
	if e.server != "" && !f.Changed("repo") {
		e.repo = "" // restic's variable names no attached repository
	}
	for _, name := range openedHere {
		if !few && e.server != "" && f.Changed(name) {
			return usageError(fmt.Sprintf("--%s is for what is opened here; leave it out with --server and SYNCLINE_SERVER", name))
		}
	}
	switch {
	case e.quiet && e.verbose > 0:
		return usageError("--quiet and --verbose cannot be specified at the same time")
	case e.limitDownload < 0 || e.limitDownload > maxRate:
		return usageError(fmt.Sprintf("--limit-download must be a number of KiB a second, at most %d", maxRate))
	case e.stuckTimeout < 0 || e.retryLock < 0:
		return usageError("--stuck-request-timeout and --retry-lock must not be negative")
	case e.noCache:
		return usageError("--no-cache is not possible, because every answer comes from the catalog; to keep nothing, name a temporary directory with --cache-dir and remove it afterwards")
	}
	return e.readVariables(f)
}

// maxFPS bounds RESTIC_PROGRESS_FPS, as restic does.
const maxFPS = 60

// readVariables reads the variables that have no flag, or whose flag hides them.
func (e *environment) readVariables(f *pflag.FlagSet) error {
	for _, v := range []struct {
		name, flag string
		check      func(string) error
	}{
		{"RESTIC_COMPRESSION", "compression", checkCompression},
		{"RESTIC_PACK_SIZE", "pack-size", checkPackSize},
		{"RESTIC_PROGRESS_FPS", "", e.setFPS},
	} {
		text := e.getenv(v.name)
		if text == "" || v.flag != "" && f.Changed(v.flag) {
			continue
		}
		if err := v.check(text); err != nil {
			return usageError(fmt.Sprintf("the variable %s is %q, and %v", v.name, clipText(text), err))
		}
	}
	return nil
}

// setFPS reads the number of lines of progress in a second; 0 is the default.
func (e *environment) setFPS(text string) error {
	fps, err := strconv.ParseFloat(text, 64)
	if err != nil || !(fps >= 0) {
		return errors.New("it must be a number of times a second, like 0.1")
	}
	if fps > 0 {
		e.progressEvery = time.Duration(min(float64(time.Second)/min(fps, maxFPS), float64(24*time.Hour)))
	}
	return nil
}
