//go:build manpages

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// init turns a program that is built with -tags manpages into one that writes a manual
// page for each command into the directory of its argument, and ends. scripts/dist.sh
// runs it, so that the real program does not carry the generator.
func init() {
	if err := writeManPages(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// writeManPages dates the pages with epoch, in seconds.
func writeManPages(args []string, epoch string) error {
	if len(args) != 1 {
		return fmt.Errorf("give one directory, not %d", len(args))
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	date := time.Unix(seconds, 0).UTC()
	root := newRootCommand(&environment{getenv: func(string) string { return "" }, stdout: os.Stdout, stderr: os.Stderr})
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true // it has today's date
	forMan(root)
	header := &doc.GenManHeader{Section: "1", Source: "Syncline " + version, Manual: "Syncline", Date: &date}
	return doc.GenManTree(root, header, args[0])
}

// forMan escapes the signs of Markdown in the texts of a command and those below it. The
// generator reads them as Markdown.
func forMan(cmd *cobra.Command) {
	escape := strings.NewReplacer(`*`, `\*`, `_`, `\_`, `<`, `\<`, "`", "\\`").Replace
	cmd.Long, cmd.Short = escape(cmd.Long), escape(cmd.Short)
	for _, c := range cmd.Commands() {
		forMan(c)
	}
}
