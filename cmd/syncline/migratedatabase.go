package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"syncline.dev/syncline/internal/server"
)

func newMigrateDatabaseCommand(env *environment) *cobra.Command {
	var m server.Migration
	var where databaseFlags
	cmd := &cobra.Command{
		Use:   "migrate-database --data DIR [--back]",
		Short: "Carry an installation from SQLite to PostgreSQL, or back",
		Long: `Carry the state and the catalogs of the server of --data to the PostgreSQL database of
--database, or with --back from there to a data directory. Users, repositories,
stored passwords, sessions, alarms and catalogs keep their ids. The source stays as
it is. A migration that fails or is cut short leaves the target without a state;
calling the command again begins anew.

No server and no node may run meanwhile. The target must be empty: a database without
a state of Syncline, or a data directory without syncline.db. The key that seals the
stored passwords does not move: it is secret.key in the data directory, or the file
of --secret-key-file. With --back it has to be there before. The file of --config counts
for data, database, database-file and secret-key-file, as it does for serve.

After a migration to PostgreSQL, start each node with --database and with the key's
file, in a data directory without syncline.db.`,
		Example: `SYNCLINE_DATABASE=postgres://syncline:…@db.example/syncline syncline migrate-database --data /var/lib/syncline
syncline migrate-database --back --database-file /etc/syncline/database --data /srv/syncline --secret-key-file /etc/syncline/secret.key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if m.Settings, err = where.load(); err != nil {
				return err
			}
			done, err := m.Run(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.stdout, "%s, %s and %s are carried\n",
				plural(done.Repositories, "repository", "repositories"), plural(done.Catalogs, "catalog", "catalogs"), plural(int(done.Rows), "row", "rows"))
			if len(done.Left) > 0 {
				env.note("synchronize %s: their catalogs are missing or damaged, and a session builds them anew", printable(strings.Join(done.Left, ", ")))
			}
			return err
		},
	}
	f := cmd.Flags()
	f.String("secret-key-file", "", "`file` with the key, where serve has this flag (default: $SYNCLINE_SECRET_KEY_FILE, else secret.key in the data directory)")
	where.add(f, "secret-key-file")
	f.BoolVar(&m.Back, "back", false, "from PostgreSQL to SQLite")
	return cmd
}
