package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

func newCatCommand(env *environment) *cobra.Command {
	var filter filterFlags
	cmd := &cobra.Command{
		Use:   "cat [flags] snapshotID file",
		Short: "Write a file in a snapshot to standard output",
		Long: `Write the content of a file in a snapshot to standard output. The snapshot is an
id, the beginning of an id, or "latest", which --host, --tag and --path narrow
down. With "id:folder" the file's path begins at the folder.

Each blob is compared with its hash before it is written. At the first damaged
blob the output ends, and the exit status is 1.`,
		Args: catArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(env.stdout, 64<<10)
			err := env.askContent(cmd.Context(), func(a answers) error {
				at, err := filter.folder(cmd.Context(), a, args[0])
				if err != nil {
					return err
				}
				return a.content(cmd.Context(), at, filePath(args[1]), out)
			})
			return errors.Join(err, out.Flush())
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	return cmd
}

// fileReader writes the content of the file at a path below a folder of a snapshot.
type fileReader interface {
	content(ctx context.Context, at snapshotFolder, path string, out io.Writer) error
}
