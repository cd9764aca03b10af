package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what make build sets, with -ldflags "-X main.version=…".
var version = ""

func init() {
	if version == "" {
		version = buildVersion()
	}
}

// buildVersion is the version that the Go toolchain recorded.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

func newVersionCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return env.printVersion() },
	}
}

func (env *environment) printVersion() error {
	if env.json {
		return json.NewEncoder(env.stdout).Encode(struct {
			MessageType string `json:"message_type"`
			Version     string `json:"version"`
			GoVersion   string `json:"go_version"`
			OS          string `json:"go_os"`
			Arch        string `json:"go_arch"`
		}{"version", version, runtime.Version(), runtime.GOOS, runtime.GOARCH})
	}
	_, err := fmt.Fprintf(env.stdout, "syncline %s compiled with %s on %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
