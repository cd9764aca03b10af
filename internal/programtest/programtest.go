// Package programtest builds programs for tests as a release is built. A machine that has
// built nothing yet compiles the packages once for all of them.
package programtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Syncline is the program's package.
const Syncline = "syncline.dev/syncline/cmd/syncline"

// Command returns a command of go, such as build or run, with arguments.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", append([]string{name, "-trimpath"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd
}

// Build builds a package of this module into a file.
func Build(ctx context.Context, pkg, file string) error {
	if out, err := Command(ctx, "build", "-o", file, pkg).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, out)
	}
	return nil
}
