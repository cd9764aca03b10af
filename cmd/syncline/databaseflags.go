package main

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"syncline.dev/syncline/internal/server"
	"syncline.dev/syncline/internal/settings"
)

// The variables that name the database where no flag does.
const (
	databaseVariable     = "SYNCLINE_DATABASE"
	databaseFileVariable = "SYNCLINE_DATABASE_FILE"
)

// databaseFlags say where the state of an installation lies, for a command that needs
// nothing else of a server's settings. As with serve, a flag goes before a variable, and a
// variable before the configuration file.
type databaseFlags struct {
	flags   *pflag.FlagSet
	file    string
	names   []string
	origins settings.Origins
}

func (d *databaseFlags) add(f *pflag.FlagSet, more ...string) {
	d.addDirectory(f, more...)
	f.String("database", "", "`URL` of the PostgreSQL database of a fleet, without a password (default: $"+databaseVariable+", else SQLite in the data directory)")
	f.String("database-file", "", "`file` that holds the URL of the database (default: $"+databaseFileVariable+")")
}

// addDirectory is add for a command that refuses a database, wherever it is named.
func (d *databaseFlags) addDirectory(f *pflag.FlagSet, more ...string) {
	d.flags, d.names = f, append([]string{"data", "database", "database-file"}, more...)
	f.String("data", "", "the server's data `directory` (default: $SYNCLINE_DATA, else syncline in the XDG data directory)")
	f.StringVar(&d.file, "config", os.Getenv(configVariable), "the server's `file` with settings, of which "+enumerated(d.names)+" count here, too (default: $"+configVariable+")")
	f.Lookup("config").DefValue = ""
}

// enumerated joins names to a text.
func enumerated(names []string) string {
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// load finds the settings. Where two places name a database, the place that goes first
// counts.
func (d *databaseFlags) load() (server.Settings, error) {
	s, given := server.Settings{}, make(map[string]any)
	for _, name := range d.names {
		if f := d.flags.Lookup(name); f != nil && f.Changed {
			given[name] = f.Value.String()
		}
	}
	if text, ok := given["database"].(string); ok {
		if err := server.CheckDatabaseFlag(text); err != nil {
			return s, err
		}
	}
	var err error
	if d.origins, err = s.Table().LoadOnly(settings.Sources{File: d.file, Environ: os.Environ(), Flags: given}, d.names...); err != nil {
		return s, summary(err)
	}
	if s.Database != "" && s.DatabaseFile != "" {
		switch url, file := d.rank("database"), d.rank("database-file"); {
		case url < file:
			s.DatabaseFile = ""
		case file < url:
			s.Database = ""
		}
	}
	return s, nil
}

// rank is 0 for a flag, 1 for a variable, and 2 for the file.
func (d *databaseFlags) rank(name string) int {
	switch origin := d.origins[name]; {
	case strings.HasPrefix(origin, "--"):
		return 0
	case strings.HasPrefix(origin, "SYNCLINE_"):
		return 1
	}
	return 2
}

// directory returns the settings of a command that works on a data directory alone.
func (d *databaseFlags) directory() (server.Settings, error) {
	s, err := d.load()
	if err != nil || s.Database == "" && s.DatabaseFile == "" {
		return s, err
	}
	name, way := "database", "name another file with --config"
	if s.Database == "" {
		name = "database-file"
	}
	if d.rank(name) == 1 {
		way = "unset the variable"
	}
	return s, server.RefuseFleet(d.origins[name], way)
}

// settings returns the settings of a command that works on either a data directory or a
// database.
func (d *databaseFlags) settings() (server.Settings, error) {
	s, err := d.load()
	if err != nil || s.Database == "" && s.DatabaseFile == "" || !d.flags.Changed("data") {
		return s, err
	}
	name := "database"
	if s.Database == "" {
		name = "database-file"
	}
	way := "take it out of the file"
	switch d.rank(name) {
	case 0:
		return s, usageError("--data and a database cannot be given together: the users are in one of the two; leave one of them out")
	case 1:
		way = "unset the variable"
	}
	return s, usageError(d.origins[name] + " names a database, and --data a directory: the users are in one of the two; " + way + ", or leave --data out")
}
