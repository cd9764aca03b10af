package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/doctor"
	"syncline.dev/syncline/internal/server"
	"syncline.dev/syncline/internal/settings"
)

func newDoctorCommand(env *environment) *cobra.Command {
	var c configuration
	var offline bool
	cmd := &cobra.Command{
		Use:   "doctor [--data DIR | --server URL]",
		Short: "Look for faults of a server and say what to do",
		Long: `Look at everything that a server needs, beside the running server or without it:
settings, data directory, database, key, catalogs, free space, certificate, clock
and the reach of each repository. Each check is one line: ok, warning, failed or
unknown, what was found, and what to do. The exit status is 1 if a check failed.

The flags, the variables and the file are those of serve: give the doctor the same
ones. The doctor changes nothing. It opens each repository with its password, and
asks S3, Azure and Google until when they keep a sample of its files from removal,
some fifty requests at most; --offline leaves both out.

With --server or SYNCLINE_SERVER the doctor asks a running server, after syncline
login. It then sees what the server tells: readiness, warnings, certificate, clock,
and repositories that are out of sync.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("data") && !cmd.Flags().Changed("server") {
				env.server = "" // the variable is for the other commands
			}
			if env.server != "" {
				return env.askDoctor(cmd)
			}
			chosen, _, err := c.load(cmd)
			var faults settings.Faults
			if err != nil && !errors.As(err, &faults) {
				faults = settings.Faults{err}
			}
			d := &server.Doctor{Settings: chosen, Faults: faults, Offline: offline, Now: time.Now}
			found, err := d.Run(cmd.Context())
			if err != nil {
				return err
			}
			return env.tellFindings(found)
		},
	}
	c.addFlags(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "reach no repository")
	return cmd
}

// askDoctor asks a running server, which takes no flags of serve.
func (e *environment) askDoctor(cmd *cobra.Command) (err error) {
	global := cmd.Root().PersistentFlags()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && global.Lookup(f.Name) != f {
			err = usageError(fmt.Sprintf("--%s is for a data directory of this machine; leave it out with --server and SYNCLINE_SERVER", f.Name))
		}
	})
	if err != nil {
		return err
	}
	found, err := e.serverFindings(cmd.Context())
	if err != nil {
		return err
	}
	return e.tellFindings(found)
}

// tellFindings prints one line a finding, and fails if a check failed.
func (e *environment) tellFindings(found []doctor.Finding) error {
	failed, warnings := doctor.Count(found, doctor.Failed), doctor.Count(found, doctor.Warning)
	if e.json {
		err := json.NewEncoder(e.stdout).Encode(struct {
			Findings []doctor.Finding `json:"findings"`
			Failed   int              `json:"failed"`
			Warnings int              `json:"warnings"`
		}{found, failed, warnings})
		if err != nil {
			return err
		}
	} else {
		for i := range found {
			if _, err := fmt.Fprintln(e.stdout, findingLine(&found[i])); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return syncline.Errorf(syncline.CodeUnavailable, "%s failed", plural(failed, "check", "checks"))
	}
	return nil
}

// findingLine is a finding in one line.
func findingLine(f *doctor.Finding) string {
	line := fmt.Sprintf("%-8s %-11s ", f.Status, f.Check)
	if f.Subject != "" {
		line += printable(f.Subject) + ": "
	}
	line += oneLine(f.Message)
	if f.Advice != "" {
		line += "; " + oneLine(f.Advice)
	}
	return line
}
