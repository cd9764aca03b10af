package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"syncline.dev/syncline/internal/local"
)

// environment has everything that the commands share: the streams, the
// environment's variables and the global flags.
type environment struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	started        bool // the command line was understood

	engine *local.Engine // answers the command; nil where no repository is opened

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
	keyHint            string
	tlsClientCert      string
	insecureTLS        bool
	userAgent          string
	stuckTimeout       time.Duration // 0 for the default
	retryLock          time.Duration
	progressEvery      time.Duration // between two lines of progress; 0 for the default
}

// note prints a note on standard error, except with --quiet.
func (e *environment) note(format string, args ...any) {
	if !e.quiet {
		fmt.Fprintln(e.stderr, oneLine(fmt.Sprintf(format, args...)))
	}
}

// say prints a line of a program that the user has named, also with --quiet, as restic does.
func (e *environment) say(line string) { fmt.Fprintln(e.stderr, oneLine(line)) }

// logger writes the errors that the packages log, and with -vv all of their log.
func (e *environment) logger() *slog.Logger {
	level := slog.LevelError
	if e.verbose > 1 {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
}
