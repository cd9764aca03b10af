package pgpool

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
)

// TestAddresses reads the forms that libpq takes, and refuses the rest by name.
func TestAddresses(t *testing.T) {
	t.Setenv("PGSERVICEFILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	for _, good := range []string{
		"postgres://u@h/d", "postgresql://u:p%40@h:1/d", "postgres:///d", "postgres://%2Ftmp/d", "postgres://u@%2Frun%2Fpostgresql:5433/d",
		"postgres://u@a,b/d", "postgres://u@a:1,b:2/d?target_session_attrs=read-write", "postgres://u@[::1]:1,%2Ftmp:2/d", "postgres://a:1,b/d",
		"postgres:///d?host=a,b&port=1,2", "postgres:///d?host=%2Ftmp", "postgres://u@h/d?target_session_attrs=primary&connect_timeout=3",
		"host=h dbname=d", " host = h  dbname='my d'\tuser=u password='a b\\' #@c' ", "host=/run/postgresql,db2 port=1,2 dbname=d target_session_attrs=read-write",
		"host=h user='' password=x pool_max_conns=9",
		"postgres://u@h/d?application_name=x&options=-c%20work_mem%3D8MB&sslmode=disable", "postgres://u@h/d?pool_max_conns=9&pool_max_conn_lifetime=30m",
	} {
		if err := Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, says := range map[string]string{
		"mysql://h/hunter2":                                     "must begin with postgres://",
		"hunter2":                                               "must begin with postgres://",
		"my hunter2=x":                                          "must begin with postgres://",
		"host=h password='hunter2":                              "single quotes",
		"host=h password=my hunter2":                            "single quotes",
		"host=h password=my hunter2 = x":                        "single quotes",
		"host=h password='my'hunter2 dbname=d":                  "single quotes",
		"host=h password=my hunter2=x dbname=d":                 "keywords of libpq",
		"host=h password=hunter2 foo=bar":                       "keywords of libpq",
		"host=h password=hunter2 keepalives=1":                  "the parameter keepalives, which is not taken; leave it out, or",
		"host=h user= password=hunter2":                         "a value that is empty",
		"host=h password=hunter2 port=x":                        "a port in the URL",
		"postgres://u:hunter2@h@x/d":                            "%40",
		"postgres://u:a/hunter2@h/d":                            "%40",
		"postgres://u:a%zhunter2@h/d":                           "%25",
		"postgres://u:hunter2 @h/d":                             "%40",
		"postgres://u:hunter2@h/d?foo=bar":                      "the parameter foo, which is not taken; leave it out, or",
		"postgres://u:hunter2@h/d?keepalives=1":                 "the parameter keepalives,",
		"postgres://u:hunter2@h/d?a%20b=bar":                    "the parameter with another name",
		"postgres://u:hunter2@h/d?statement_cache_capacity=3":   "the parameter statement_cache_capacity,",
		"postgres://u:hunter2@h:x/d":                            "a port in the URL",
		"postgres://u:hunter2@h:0/d":                            "a port in the URL",
		"postgres://u:hunter2@h:70000/d":                        "a port in the URL",
		"postgres://u:hunter2@a:b:c/d":                          "a port in the URL",
		"postgres:///d?host=a,b,c&port=1,2":                     "3 hosts and 2 ports",
		"postgres://u:hunter2@h/d?sslmode=hunter2":              "sslmode in the URL",
		"postgres://u:hunter2@h/d?target_session_attrs=hunter2": "target_session_attrs in the URL",
		"postgres://u:hunter2@h/d?target_session_attrs=standby": "leads to servers that take no writes",
		"postgres://u:hunter2@h/d?connect_timeout=hunter2":      "connect_timeout in the URL",
		"postgres://u:hunter2@h/d?pool_max_conns=hunter2":       "pool_max_conns",
		"postgres://u:hunter2@h/d?service=hunter2":              "PGSERVICEFILE",
		"postgres://u:hunter2@h/d?sslrootcert=/none/ca":         "no such file",
	} {
		err := Check(bad)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), says) || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for address, want := range map[string]bool{
		"postgres://u@h/d": false, "postgres://u:p@h/d": true, "postgres://u:@a,b:1/d": true, "postgres://a:1,b:2/d": false,
		"postgres://u@%2Ftmp/d?password=x": true, "postgres:///d?PassWord=x": true, "postgres:///d?sslpassword=x": true,
		"host=h dbname=password": false, "host=h password=x": true, "host=h sslpassword=x": true, "host=h password='x": true, "user= password=x host=h": true,
	} {
		if HasPassword(address) != want {
			t.Errorf("%s has a password: %v", address, !want)
		}
	}
}

// FuzzKeywords compares keywords with what the driver reads in them.
func FuzzKeywords(f *testing.F) {
	for _, s := range []string{"host=h user=u password=p", "host='h' password='a\\'b\\\\ c' user=u", "user = u\\ v host=h", "password='", "password=a\\", "host=h = user=u", "user=u dbname=a'b'", "host=h user=u password='a+b c%20'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if strings.Contains(address, "service") || strings.Contains(address, "file") || strings.Contains(address, "ssl") || strings.Contains(address, "://") {
			return // it reads files, or is no list of keywords
		}
		made, err := canonical(address)
		if err != nil {
			return
		}
		want, wantErr := pgconn.ParseConfig(address)
		got, err := pgconn.ParseConfig(made)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q is read with %v, and as %q with %v", address, wantErr, made, err)
		}
		if err == nil && (got.Host != want.Host || got.Port != want.Port || got.User != want.User || got.Password != want.Password || got.Database != want.Database) {
			t.Errorf("%q is %+v, and as %q %+v", address, want, made, got)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"postgres://u:p@h:1,%2Ftmp:2/d?sslmode=disable&foo=bar", "postgres://[::1]/", "postgresql://u@/d?host=a,b", "postgres://%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if strings.Contains(address, "service") || strings.Contains(address, "file") || strings.Contains(address, "ssl") {
			return // it reads files
		}
		if err := Check(address); err != nil && syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%q: %v", address, err)
		}
	})
}

// server is a server whose users sign in with passwords, but for those of its socket.
func passwordServer(t *testing.T) (s *pgtest.Server, socket, port string) {
	t.Helper()
	s = pgtest.Start(t)
	u, err := url.Parse(s.SocketURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, `CREATE USER app PASSWORD 'right'`)
	s.Exec(t, `COPY (VALUES ('local all all trust'), ('host all all all scram-sha-256')) TO '`+u.Query().Get("host")+`/data/pg_hba.conf'`)
	s.Exec(t, `SELECT pg_reload_conf()`)
	return s, u.Query().Get("host"), u.Query().Get("port")
}

// connects asks a database something.
func connects(t *testing.T, address string) (answer string, err error) {
	t.Helper()
	p, err := Open(address)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	defer p.Close()
	err = p.Conns().QueryRow(context.Background(), `SELECT current_setting('port')`).Scan(&answer)
	return answer, err
}

// TestRealAddresses connects by all forms, with the files and variables of libpq.
func TestRealAddresses(t *testing.T) {
	_, socket, port := passwordServer(t)
	standby, _, standbyPort := passwordServer(t)
	standby.Exec(t, `ALTER SYSTEM SET default_transaction_read_only = on`)
	standby.Exec(t, `SELECT pg_reload_conf()`)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	_, deaf, _ := net.SplitHostPort(closed.Addr().String())
	folder := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("PGPASSFILE", write("pass", "127.0.0.1:"+port+":*:app:right\n"))
	t.Setenv("PGSERVICEFILE", write("services", fmt.Sprintf("[prod]\nhost=127.0.0.1,127.0.0.1\nport=%s,%s\ndbname=postgres\nuser=app\ntarget_session_attrs=read-write\n", standbyPort, port)))
	for _, address := range []string{
		"postgres://app@" + url.PathEscape(socket) + ":" + port + "/postgres",
		"postgres://app@127.0.0.1:" + port + "/postgres",
		"postgres://app@" + url.PathEscape(folder) + ":1,127.0.0.1:" + port + "/postgres", // nobody listens at the first
		"postgres://app:right@127.0.0.1:" + standbyPort + ",127.0.0.1:" + port + "/postgres?target_session_attrs=read-write",
		"postgres://app@/postgres?host=" + url.QueryEscape(socket) + ",127.0.0.1&port=1," + port,
		"postgres://?service=prod",
		"service=prod",
		"host=" + folder + ",127.0.0.1 port=1," + port + " user=app dbname=postgres password='right'",
		"postgres://app@127.0.0.1:" + deaf + ",127.0.0.1:" + port + "/postgres?connect_timeout=1",
	} {
		if got, err := connects(t, address); err != nil || got != port {
			t.Errorf("%s reaches %q, %v", address, got, err)
		}
	}
	t.Setenv("PGPASSFILE", write("several", "127.0.0.1:"+port+":*:app:right\n127.0.0.1:"+standbyPort+":*:app:other\n"))
	if err := Check("postgres://app@127.0.0.1:" + standbyPort + ",127.0.0.1:" + port + "/postgres"); err == nil || !strings.Contains(err.Error(), "several passwords") || strings.Contains(err.Error(), "right") {
		t.Errorf("several passwords: %v", err)
	}
}
