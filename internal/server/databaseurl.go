package server

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"syncline.dev/syncline/internal/clip"
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
	text, err := secret.ReadLineFile(s.DatabaseFile, "name a file with the URL of the database in it")
	if err != nil {
		return secret.String{}, err
	}
	if text.Reveal() == "" {
		return secret.String{}, invalid("the file %s is empty; write the URL of the database into it", s.DatabaseFile)
	}
	return text, checkDatabaseURL(text.Reveal())
}

// checkDatabaseURL refuses what is no URL of PostgreSQL. Errors hold no part of the URL:
// where it is misspelt, any part may be the password.
func checkDatabaseURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || isUnclear(text):
		return invalid("the URL of the database cannot be read; signs such as / # @ and %% in the user's name and the password are written as %%2F, %%23, %%40 and %%25")
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return invalid("the URL of the database must begin with postgres://; leave it out for SQLite in the data directory")
	}
	_, err = pgconn.ParseConfig(text)
	if cause := errors.Unwrap(err); cause != nil {
		return invalid("the URL of the database, or a variable or file that adds to it, cannot be used: %s", clip.Text(cause.Error(), maxCause))
	}
	if err != nil {
		return invalid("the URL of the database, or a variable or file that adds to it, cannot be used; PGSSLMODE, PGSERVICE and the other variables of PostgreSQL count, too")
	}
	return nil
}

// isUnclear reports whether a sign that belongs to a password may end it. Such a URL has
// two meanings: the driver's, in which the rest of the password is the name of a host or
// a database and gets into logs, and the one that was meant.
func isUnclear(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	server, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		server, path = rest[:i], rest[i:]
	}
	return strings.Contains(path, "#") || strings.Contains(path, "@") || strings.Count(server, "@") > 1
}

// maxCause bounds a text of the driver.
const maxCause = 200

// CheckDatabaseFlag refuses a URL of the command line that has a password in it, or might
// have one. "" is no URL.
func CheckDatabaseFlag(text string) error {
	u, err := url.Parse(text)
	if err != nil || isUnclear(text) {
		return checkDatabaseURL(text)
	}
	_, given := u.User.Password()
	for key := range u.Query() {
		given = given || strings.EqualFold(key, "password") || strings.EqualFold(key, "sslpassword")
	}
	if given {
		return invalid("every user of this machine can read a password on the command line; %s", adviceDatabase)
	}
	return nil
}
