package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// resticCommands are the commands of restic that this program does not have, each
// with its replacement.
var resticCommands = map[string]string{
	"backup":        writes,
	"cache":         "use restic for its own cache; the catalogs of this program lie in --cache-dir and may be removed",
	"check":         "use restic to check a repository; syncline sync tells of what it finds missing or damaged",
	"copy":          writes,
	"debug":         "use a restic that is built for debugging",
	"features":      "use restic; no feature flag of it changes what this program does",
	"forget":        writes,
	"generate":      "use syncline completion for the shells, and syncline help for the manual",
	"init":          writes,
	"key":           "use restic to list and change keys",
	"list":          "use restic to list a repository's objects; syncline snapshots and syncline find answer what is in them",
	"migrate":       writes,
	"mount":         "use syncline ls, find and restore, or the console of syncline serve, to look into snapshots; restic mounts them",
	"options":       "use restic for the list of its options; -o with a name that is not known lists those that do something here",
	"prune":         writes,
	"rebuild-index": writes,
	"recover":       writes,
	"repair":        writes,
	"rewrite":       writes,
	"self-update":   "install a later version of this program in place of this one",
	"tag":           writes,
	"unlock":        "use restic to remove locks; this program takes none, and reads on beside those of others",
}

const writes = "use restic, because this program never writes to a repository"

// newResticCommands makes a command of each of them that names the replacement. It
// takes any flags and arguments.
func newResticCommands() (list []*cobra.Command) {
	for _, name := range slices.Sorted(maps.Keys(resticCommands)) {
		list = append(list, &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
			Short: "A command of restic that this program does not have",
			RunE: func(*cobra.Command, []string) error {
				return syntaxError(fmt.Sprintf("there is no command %s here; %s", name, resticCommands[name]))
			},
		})
	}
	return list
}

// resticObjects are the objects of restic's cat.
var resticObjects = []string{"masterkey", "config", "pack", "blob", "snapshot", "index", "key", "lock", "tree"}

// catArgs tells a call of restic's cat from one of this program's.
func catArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && slices.Contains(resticObjects, args[0]) {
		return fmt.Errorf("cat writes a file of a snapshot here; to print a %s of the repository, use restic cat", args[0])
	}
	return cobra.ExactArgs(2)(cmd, args)
}
