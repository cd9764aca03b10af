package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/server"
	"syncline.dev/syncline/internal/settings"
)

// configVariable names the configuration file where --config does not.
const configVariable = "SYNCLINE_CONFIG"

// configuration finds the settings of a server for a command that has its flags.
type configuration struct {
	file   string
	parsed server.Settings // which the flags set
}

// addFlags adds the flags of all settings, and the one that names the file.
func (c *configuration) addFlags(cmd *cobra.Command) {
	c.parsed = server.DefaultSettings()
	cmd.Flags().StringVar(&c.file, "config", os.Getenv(configVariable), "`file` with settings, in YAML (default: $"+configVariable+")")
	cmd.Flags().Lookup("config").DefValue = ""
	c.parsed.Table().AddFlags(cmd.Flags())
}

// loaded are settings with where they come from.
type loaded struct {
	table   settings.Table
	origins settings.Origins
}

// load reads the file, the variables and the flags. Each call reads the file anew.
func (c *configuration) load(cmd *cobra.Command) (server.Settings, loaded, error) {
	chosen := server.DefaultSettings()
	l := loaded{table: chosen.Table()}
	var err error
	l.origins, err = l.table.Load(settings.Sources{
		File: c.file, Environ: os.Environ(), Flags: maps.Clone(c.parsed.Table().Given(cmd.Flags())),
	})
	return chosen, l, summary(err)
}

// summary is one error for all faults.
func summary(err error) error {
	var faults settings.Faults
	if !errors.As(err, &faults) || len(faults) < 2 {
		return err
	}
	return syncline.WrapError(syncline.CodeOf(faults[0]), err, "%s (and %d more; syncline config check lists them)", messageOf(faults[0]), len(faults)-1)
}

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check and show the server's settings",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheckCommand(), newConfigShowCommand())
	return cmd
}

func newConfigCheckCommand() *cobra.Command {
	var c configuration
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Look for mistakes in the settings without starting the server",
		Long: `Read the settings as serve does, from FILE, the variables and the flags, and look at
everything that they name: certificates, keys, folders, networks and sizes. Each
mistake is one line on standard error. Mistakes of form come first, and without any
the others. The exit status is 0 if there is none.

The command changes nothing and listens nowhere. A port that another program has,
a data directory that cannot be made and the content of the data directory show at
the start only.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.take(args); err != nil {
				return err
			}
			_, _, err := c.load(cmd)
			var faults settings.Faults
			if errors.As(err, &faults) && len(faults) > 1 {
				for _, fault := range faults {
					fmt.Fprintf(cmd.ErrOrStderr(), "syncline: %s\n", oneLine(messageOf(fault)))
				}
				return syncline.Errorf(syncline.CodeInvalid, "%d mistakes in the settings", len(faults))
			}
			if err != nil {
				return err
			}
			from := c.file
			if from == "" {
				from = "there is no configuration file"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the settings are right (%s)\n", printable(from))
			return err
		},
	}
	c.addFlags(cmd)
	return cmd
}

// take takes the file that an argument names.
func (c *configuration) take(args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.file = args[0]
	if c.file == "" {
		return usageError("the name of the configuration file is empty")
	}
	return nil
}

func newConfigShowCommand() *cobra.Command {
	var c configuration
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show each setting, and where its value comes from",
		Long: `Show the value of each setting as serve would have it, and where it comes from: the
default, a line of the file, a variable or a flag. Secrets are not shown.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.take(args); err != nil {
				return err
			}
			_, l, err := c.load(cmd)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "SETTING\tVALUE\tORIGIN")
			for i := range l.table {
				s := &l.table[i]
				if s.Hidden && l.origins[s.Name] == "default" {
					continue
				}
				value := s.Text()
				if value == "" {
					value = "(" + cmp.Or(s.Default, "none") + ")"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, printable(value), printable(l.origins[s.Name]))
			}
			return w.Flush()
		},
	}
	c.addFlags(cmd)
	return cmd
}
