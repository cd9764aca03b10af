package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"syncline.dev/syncline/internal/hugepages"
)

// environment is what the commands share: the streams, the environment's
// variables and the global flags.
type environment struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	started        bool // the command line was understood

	server string // address of a running Syncline; "" to answer from here

	repo               string
	repositoryFile     string
	passwordFile       string
	passwordCommand    string
	insecureNoPassword bool
	cacheDir           string
	json               bool
	quiet              bool
	verbose            int
	noSync             bool
	noCache            bool
	options            []string
	caFiles            []string
	limitDownload      int // KiB/s; 0 for no bound
}

// hugePages is for what is about to take much memory: it returns when they are
// there. Without them that is slower, so a failure is not told.
var hugePages = sync.OnceFunc(func() { _ = hugepages.Advise(hugepages.Size) })

func (e *environment) addGlobalFlags(f *pflag.FlagSet) {
	f.StringVar(&e.server, "server", e.getenv("SYNCLINE_SERVER"), "ask the running Syncline at this `URL`, where -r names an attached repository (default: $SYNCLINE_SERVER)")
	f.StringVarP(&e.repo, "repo", "r", e.getenv("RESTIC_REPOSITORY"), "`repository` to look into (default: $RESTIC_REPOSITORY)")
	f.StringVar(&e.repositoryFile, "repository-file", e.getenv("RESTIC_REPOSITORY_FILE"), "`file` to read the repository's location from (default: $RESTIC_REPOSITORY_FILE)")
	f.StringVarP(&e.passwordFile, "password-file", "p", e.getenv("RESTIC_PASSWORD_FILE"), "`file` to read the repository's password from (default: $RESTIC_PASSWORD_FILE)")
	f.StringVar(&e.passwordCommand, "password-command", e.getenv("RESTIC_PASSWORD_COMMAND"), "`command` to get the repository's password from (default: $RESTIC_PASSWORD_COMMAND)")
	f.BoolVar(&e.insecureNoPassword, "insecure-no-password", false, "the repository has an empty password")
	f.StringArrayVarP(&e.options, "option", "o", nil, "set an extended option (`key=value`, like s3.region=eu-central-1)")
	f.StringSliceVar(&e.caFiles, "cacert", splitList(e.getenv("RESTIC_CACERT")), "`file` with certificates to trust beside the system's (default: $RESTIC_CACERT)")
	f.IntVar(&e.limitDownload, "limit-download", 0, "read at most this many KiB a second from storage that is not local (`rate`; default: no limit)")
	f.StringVar(&e.cacheDir, "cache-dir", "", "`directory` of the catalogs (default: $SYNCLINE_CACHE_DIR, else syncline in the user's cache directory)")
	f.BoolVar(&e.json, "json", false, "print JSON, in restic's form")
	f.BoolVarP(&e.quiet, "quiet", "q", false, "show no progress and no notes")
	f.CountVarP(&e.verbose, "verbose", "v", "tell more, and the causes of errors")
	f.BoolVar(&e.noSync, "no-sync", false, "answer from the catalog as it is; needs neither the repository nor its password")
	f.BoolVar(&e.noCache, "no-cache", false, "not possible: the catalog is a cache")
	f.Bool("no-lock", true, "accepted for restic's sake: reading takes no lock")
	for _, name := range []string{"no-cache", "no-lock"} {
		f.Lookup(name).Hidden = true
	}
	// The environment's values are not the flags' defaults in the help.
	for _, name := range []string{"server", "repo", "repository-file", "password-file", "password-command"} {
		f.Lookup(name).DefValue = ""
	}
	f.Lookup("cacert").DefValue = "[]"
}

// maxRate bounds --limit-download, in KiB/s: 1 GiB/s.
const maxRate = 1 << 20

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// check refuses global flags that make no sense together.
func (e *environment) check(f *pflag.FlagSet) error {
	if e.server != "" && !f.Changed("repo") {
		e.repo = "" // restic's variable names no attached repository
	}
	for _, name := range []string{"repository-file", "password-file", "password-command", "insecure-no-password", "option", "cache-dir", "limit-download", "cacert"} {
		if f.Changed("server") && f.Changed(name) {
			return usageError(fmt.Sprintf("--%s is for what is opened here; leave it out with --server", name))
		}
	}
	switch {
	case e.quiet && e.verbose > 0:
		return usageError("--quiet and --verbose cannot be specified at the same time")
	case e.limitDownload < 0 || e.limitDownload > maxRate:
		return usageError(fmt.Sprintf("--limit-download must be a number of KiB a second, at most %d", maxRate))
	case e.noCache:
		return usageError("--no-cache is not possible, because every answer comes from the catalog; to keep nothing, name a temporary directory with --cache-dir and remove it afterwards")
	}
	return nil
}

// note tells something by the way on standard error.
func (e *environment) note(format string, args ...any) {
	if !e.quiet {
		fmt.Fprintln(e.stderr, oneLine(fmt.Sprintf(format, args...)))
	}
}

// logger writes what the packages below log, when asked for twice.
func (e *environment) logger() *slog.Logger {
	level := slog.LevelError
	if e.verbose > 1 {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
}

// isTerminal reports whether a stream is one, and its file descriptor.
func isTerminal(stream any) (fd int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// printable returns s, quoted when it holds anything that could act on a
// terminal: control characters, other unprintable ones, bytes that are no
// UTF-8.
func printable(s string) string {
	if isPrintable(s) {
		return s
	}
	return strconv.Quote(s)
}

func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) < 0
}
