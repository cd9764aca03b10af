package pgpool

import (
	"cmp"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgpassfile"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
)

// An address is a URL as libpq takes it, which net/url does not read: its host may be a
// folder (%2Frun%2Fpostgresql), and there may be several hosts, each with a port. Or it has
// libpq's keywords and values, of which canonical makes a URL. The variables, the service
// file and the password file of libpq add to it.

// Check fails for an address that Open refuses. It opens no connection. Errors name the
// parameter at fault, and have no other part of the address: where it is misspelt, any part
// may be the password.
func Check(address string) error {
	_, _, err := parse(address)
	return err
}

// HasPassword reports whether an address has a password in it, or may have one.
func HasPassword(address string) bool {
	address, err := canonical(address)
	if err != nil {
		return true
	}
	p := split(address)
	given := strings.Contains(p.user, ":")
	for key := range p.query {
		given = given || strings.EqualFold(key, "password") || strings.EqualFold(key, "sslpassword")
	}
	return given
}

// parts are those of a URL, as they are written.
type parts struct {
	user, hosts string
	query       url.Values
	unclear     bool // a sign that belongs to a password may end it
}

// split takes a URL apart. An unclear one has two meanings: the driver's, in which the rest
// of a password is the name of a host or a database and gets into logs, and the one that
// was meant.
func split(address string) (p parts) {
	_, rest, _ := strings.Cut(address, "://")
	server, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		server, path = rest[:i], rest[i:]
	}
	p.unclear = strings.ContainsAny(path, "#@") || strings.Count(server, "@") > 1
	if _, err := url.PathUnescape(server + path); err != nil {
		p.unclear = true
	}
	p.hosts = server
	if i := strings.LastIndexByte(server, '@'); i >= 0 {
		p.user, p.hosts = server[:i], server[i+1:]
	}
	_, query, _ := strings.Cut(path, "?")
	var err error
	if p.query, err = url.ParseQuery(query); err != nil {
		p.unclear = true
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		p.unclear = true
	}
	return p
}

var (
	errUnclear = syncline.Errorf(syncline.CodeInvalid, "the URL of the database cannot be read; signs such as / # @ and %% in the user's name and the password are written as %%2F, %%23, %%40 and %%25")
	errScheme  = syncline.Errorf(syncline.CodeInvalid, "the URL of the database must begin with postgres://, or keywords such as host=db.example dbname=syncline stand in its place; leave it out for SQLite in the data directory")
)

func refused(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}

// parse reads an address with all that adds to it. limited says that it has the number of
// connections.
func parse(address string) (config *pgxpool.Config, limited bool, err error) {
	if address, err = canonical(address); err != nil {
		return nil, false, err
	}
	p := split(address)
	if p.unclear {
		return nil, false, errUnclear
	}
	known, err := pgconn.ParseConfig(address)
	if err != nil {
		return nil, false, p.reason(err)
	}
	for _, name := range slices.Sorted(maps.Keys(known.RuntimeParams)) {
		if !slices.Contains(taken, name) {
			return nil, false, refused("the URL of the database, or a file that adds to it, has the parameter %s, which is not taken; leave it out, or give a setting of the server as options=-c%%20NAME=VALUE", shown(name))
		}
	}
	switch attrs := p.value("target_session_attrs", "PGTARGETSESSIONATTRS"); attrs {
	case "read-only", "standby", "prefer-standby":
		return nil, false, refused("target_session_attrs=%s leads to servers that take no writes; write read-write, primary or any", attrs)
	}
	config, err = pgxpool.ParseConfig(address)
	if err != nil {
		return nil, false, refused("a parameter pool_… of the URL of the database cannot be read; pool_max_conns and pool_min_conns take numbers, and the others times such as 30m")
	}
	if !HasPassword(address) && os.Getenv("PGPASSWORD") == "" {
		config.ConnConfig.Password, err = p.password(&config.ConnConfig.Config)
	}
	_, limited = known.RuntimeParams["pool_max_conns"]
	return config, limited, err
}

// taken are the parameters that go to the server, or to the pool. The driver sends all that
// it does not know to the server.
var taken = []string{
	"application_name", "client_encoding", "options", "timezone", "search_path",
	"pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter",
	"pool_max_conn_idle_time", "pool_health_check_period",
}

var plainName = regexp.MustCompile(`^[a-zA-Z_.]{1,60}$`)

// shown is the name of a parameter as it may be shown.
func shown(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "with another name"
}

// value returns a setting of the address or else of a variable.
func (p parts) value(name, variable string) string {
	return cmp.Or(p.query.Get(name), os.Getenv(variable))
}

// reason says why the driver refuses an address. It takes no text from the driver's own
// error, which may have parts of the address, but that of a file.
func (p parts) reason(err error) error {
	hosts, ports := p.servers()
	sslmodes := []string{"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
	attrs := []string{"", "any", "read-write", "read-only", "primary", "standby", "prefer-standby"}
	var file *os.PathError
	_, timeout := strconv.Atoi(cmp.Or(p.value("connect_timeout", "PGCONNECT_TIMEOUT"), "0"))
	switch {
	case len(ports) > 1 && len(ports) != len(hosts):
		return refused("the URL of the database has %d hosts and %d ports; write one port for all, or HOST:PORT for each", len(hosts), len(ports))
	case slices.ContainsFunc(ports, isNoPort):
		return refused("a port in the URL of the database, or in PGPORT, is no number from 1 to 65535")
	case !slices.Contains(sslmodes, p.value("sslmode", "PGSSLMODE")):
		return refused("sslmode in the URL of the database, or PGSSLMODE, takes disable, allow, prefer, require, verify-ca and verify-full")
	case !slices.Contains(attrs, p.value("target_session_attrs", "PGTARGETSESSIONATTRS")):
		return refused("target_session_attrs in the URL of the database, or PGTARGETSESSIONATTRS, takes read-write, primary and any")
	case timeout != nil:
		return refused("connect_timeout in the URL of the database, or PGCONNECT_TIMEOUT, takes a number of seconds")
	case errors.As(err, &file):
		return refused("a file that the URL of the database or a variable names cannot be used: %s", file.Error())
	case p.value("service", "PGSERVICE") != "":
		return refused("the service that the URL of the database or PGSERVICE names cannot be read; check that it is in the file of PGSERVICEFILE, or in .pg_service.conf in the home directory, and what it says there")
	}
	return refused("the URL of the database, or a variable or file that adds to it, cannot be used; check sslrootcert, sslcert and sslkey, and the variables PGSSLMODE, PGSERVICE and the others of PostgreSQL")
}

// servers returns the hosts and the ports of the URL or of the variables.
func (p parts) servers() (hosts, ports []string) {
	for one := range strings.SplitSeq(p.hosts, ",") {
		host, port := one, ""
		if i := strings.LastIndexByte(one, ':'); i > strings.LastIndexByte(one, ']') {
			host, port = one[:i], one[i+1:]
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	if given := p.value("host", "PGHOST"); p.hosts == "" && given != "" {
		hosts = strings.Split(given, ",")
	}
	if given := p.value("port", "PGPORT"); given != "" && !slices.ContainsFunc(ports, func(s string) bool { return s != "" }) {
		ports = strings.Split(given, ",")
	}
	return hosts, ports
}

func isNoPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port != "" && (err != nil || n == 0)
}

// password looks into the password file for all hosts. The driver takes one password for
// all, and looks for the first host only. The password of a service counts first.
func (p parts) password(c *pgconn.Config) (string, error) {
	home, _ := os.UserHomeDir()
	file, err := pgpassfile.ReadPassfile(cmp.Or(p.value("passfile", "PGPASSFILE"), filepath.Join(home, ".pgpass")))
	if err != nil {
		return c.Password, nil //nolint:nilerr // without the file there is none in it
	}
	var all []string
	look := func(host string, port uint16) {
		if network, _ := pgconn.NetworkAddress(host, port); network == "unix" {
			host = "localhost"
		}
		if found := file.FindPassword(host, strconv.Itoa(int(port)), c.Database, c.User); found != "" && !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	look(c.Host, c.Port)
	for _, f := range c.Fallbacks {
		look(f.Host, f.Port)
	}
	switch {
	case c.Password != "" && !slices.Contains(all, c.Password):
		return c.Password, nil
	case len(all) > 1:
		return "", refused("the password file has several passwords for the hosts of the database; servers of one database have one password, so write it once with * for the host")
	}
	return strings.Join(all, ""), nil
}
