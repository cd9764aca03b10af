package main

import (
	"os"

	"github.com/spf13/pflag"

	"syncline.dev/syncline/internal/server"
)

// databaseFlags say where the state of an installation lies, for a command that needs
// nothing else of a server's settings.
type databaseFlags struct {
	flags  *pflag.FlagSet
	chosen server.Settings
}

// The variables that name the database where no flag does.
const (
	databaseVariable     = "SYNCLINE_DATABASE"
	databaseFileVariable = "SYNCLINE_DATABASE_FILE"
)

func (d *databaseFlags) add(f *pflag.FlagSet) {
	d.flags = f
	f.StringVar(&d.chosen.Data, "data", "", "the server's data `directory` (default: syncline in the XDG data directory)")
	f.StringVar(&d.chosen.Database, "database", "", "`URL` of the PostgreSQL database of a fleet, without a password (default: $"+databaseVariable+", else SQLite in the data directory)")
	f.StringVar(&d.chosen.DatabaseFile, "database-file", "", "`file` that holds the URL of the database (default: $"+databaseFileVariable+")")
}

// settings returns the settings that the flags and the variables make.
func (d *databaseFlags) settings() (server.Settings, error) {
	s := d.chosen
	if d.flags.Changed("database") || d.flags.Changed("database-file") {
		if d.flags.Changed("data") {
			return s, usageError("--data and a database cannot be given together: the users are in one of the two; leave one of them out")
		}
		return s, server.CheckDatabaseFlag(s.Database)
	}
	s.Database, s.DatabaseFile = os.Getenv(databaseVariable), os.Getenv(databaseFileVariable)
	if d.flags.Changed("data") && (s.Database != "" || s.DatabaseFile != "") {
		return s, usageError(databaseVariable + " or " + databaseFileVariable + " names a database, and --data a directory: the users are in one of the two; unset the variable, or leave --data out")
	}
	return s, nil
}
