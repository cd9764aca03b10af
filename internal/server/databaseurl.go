package server

import (
	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/secret"
)

// adviceDatabase says where a password of the database may stand.
const adviceDatabase = "put the URL into the variable SYNCLINE_DATABASE or into a file for --database-file, or the password alone into the file of PGPASSFILE"

// databaseURL returns the URL of PostgreSQL, empty for SQLite in the data directory.
func (s *Settings) databaseURL() (secret.String, error) {
	switch {
	case s.DatabaseFile == "":
		return secret.NewString(s.Database), checkDatabaseURL(s.Database)
	case s.Database != "":
		return secret.String{}, invalid("the settings database and database-file name two databases; leave one of them out")
	}
	text, err := secret.ReadLineFile(s.DatabaseFile, "name a file with the address of the database in it")
	if err != nil {
		return secret.String{}, err
	}
	if text.Reveal() == "" {
		return secret.String{}, invalid("the file %s is empty; write the URL of the database into it", s.DatabaseFile)
	}
	return text, checkDatabaseURL(text.Reveal())
}

// checkDatabaseURL refuses what is no URL of PostgreSQL.
func checkDatabaseURL(text string) error {
	if text == "" {
		return nil
	}
	return pgpool.Check(text)
}

// CheckDatabaseFlag refuses a URL of the command line that has a password in it, or might
// have one. "" is no URL.
func CheckDatabaseFlag(text string) error {
	if err := checkDatabaseURL(text); err != nil {
		return err
	}
	if pgpool.HasPassword(text) {
		return invalid("every user of this machine can read a password on the command line; %s", adviceDatabase)
	}
	return nil
}
