package postgres

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
)

// While the database is away calls fail, and go on when it is back.
func TestRestart(t *testing.T) {
	server := pgtest.Start(t)
	s := openTest(t, server.Database(t))
	ctx := t.Context()
	for i, mode := range []string{"fast", "immediate"} {
		if err := s.AddUser(ctx, user(fmt.Sprint("before", i))); err != nil {
			t.Fatal(err)
		}
		server.Stop(t, mode)
		wantMessage(t, s.AddUser(ctx, user("away")), "cannot be reached")
		_, err := s.Users(ctx)
		wantMessage(t, err, "cannot be reached")
		_, _, err = s.Log(ctx, syncline.WorkRestore, newID(), 1, 0)
		wantMessage(t, err, "cannot be reached")
		server.Run(t)
		if err := s.AddUser(ctx, user(fmt.Sprint("after", i))); err != nil {
			t.Error(err)
		}
		if users, err := s.Users(ctx); err != nil || len(users) != 2*i+2 {
			t.Errorf("%s: %d users, %v", mode, len(users), err)
		}
	}
}

// Connections that end while nobody uses them cost nobody an error.
func TestIdleConnectionsEnd(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	ctx := t.Context()
	if err := s.AddUser(ctx, user("first")); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		var all sync.WaitGroup
		for range 4 { // as many connections
			all.Go(func() {
				if _, err := s.Users(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		psql(t, url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		calls := []func() error{
			func() error { return s.AddUser(ctx, user(fmt.Sprint(i))) },
			func() error { _, err := s.User(ctx, "first"); return err },
			func() error { return s.SetChannelHealthOfNobody(ctx) },
			func() error { _, _, err := s.TakeDuty(ctx, "duty", "node", 1); return err },
		}
		if err := calls[i%len(calls)](); err != nil {
			t.Errorf("call %d: %v", i%len(calls), err)
		}
	}
}

// SetChannelHealthOfNobody makes one statement that writes, without a transaction.
func (s *Store) SetChannelHealthOfNobody(ctx context.Context) error {
	err := s.SetChannelHealth(ctx, newID(), user("").CreatedAt, "")
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return nil
	}
	return err
}

// A connection that breaks in the middle of a transaction has the transaction run again.
func TestConnectionBreaksInATransaction(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	runs := 0
	err := (&engine{s.pool}).Update(t.Context(), relational.Write{Doing: "test"}, func(ctx context.Context, tx relational.Tx) error {
		runs++
		var pid int64
		if err := tx.QueryRow(ctx, `SELECT pg_backend_pid()::bigint`).Scan(&pid); err != nil {
			return err
		}
		if runs == 1 {
			psql(t, url, `SELECT pg_terminate_backend($1, 5000)`, pid)
		}
		_, err := tx.Exec(ctx, `INSERT INTO users (name, name_key, role, password_hash) VALUES (?, ?, '', '')`, "u", "u")
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
	if users, err := s.Users(t.Context()); err != nil || len(users) != 1 {
		t.Errorf("%v, %v", users, err)
	}
}

// Two transactions that lock one another out: the one that the server ends runs again. It
// waits for the end of the other, which PostgreSQL has just woken, and may else overtake it
// and lock it out once more.
func TestDeadlock(t *testing.T) {
	s := openTest(t, pgtest.New(t))
	for _, name := range []string{"a", "b"} {
		if err := s.AddUser(t.Context(), user(name)); err != nil {
			t.Fatal(err)
		}
	}
	var met sync.WaitGroup
	met.Add(2)
	var runs atomic.Int32
	run := func(ended chan<- error, other <-chan error, names ...string) {
		first := true
		ended <- (&engine{s.pool}).Update(t.Context(), relational.Write{Doing: "test"}, func(ctx context.Context, tx relational.Tx) error {
			runs.Add(1)
			if !first {
				if err := <-other; err != nil {
					t.Error(err)
				}
			}
			for i, name := range names {
				if _, err := tx.Exec(ctx, `UPDATE users SET role = role WHERE name_key = ?`, store.FoldName(name)); err != nil {
					return err
				}
				if i == 0 && first {
					first = false
					met.Done()
					met.Wait()
				}
			}
			return nil
		})
		close(ended)
	}
	one, two := make(chan error, 1), make(chan error, 1)
	go run(two, one, "b", "a")
	run(one, two, "a", "b")
	for _, ended := range []chan error{one, two} {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if runs.Load() != 3 {
		t.Errorf("%d runs", runs.Load())
	}
}

// cutter is between a node and its database. It breaks the connection that sends a
// COMMIT, once it is armed: after the COMMIT has gone on, or before.
type cutter struct {
	armed  atomic.Bool
	passOn bool
}

func (c *cutter) start(t *testing.T, url string) string {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	server := net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { ln.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.serve(conn, server, &all) })
		}
	})
	return strings.Replace(url, server, ln.Addr().String(), 1)
}

func (c *cutter) serve(client net.Conn, address string, all *sync.WaitGroup) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var cut atomic.Bool
	all.Go(func() {
		defer client.Close()
		b := make([]byte, 1<<16)
		for {
			n, err := server.Read(b)
			if err != nil || cut.Load() { // the answer to the COMMIT
				return
			}
			if _, err := client.Write(b[:n]); err != nil {
				return
			}
		}
	})
	b := make([]byte, 1<<16)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		if strings.Contains(string(b[:n]), "COMMIT\x00") && c.armed.CompareAndSwap(true, false) {
			if cut.Store(true); !c.passOn {
				return
			}
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
	}
}

// A COMMIT whose answer is lost is looked up: the caller learns that the change is made,
// or it is made again, and is never made twice.
func TestAnswerToCommitIsLost(t *testing.T) {
	for _, passOn := range []bool{true, false} {
		t.Run(fmt.Sprint("arrives=", passOn), func(t *testing.T) {
			url := pgtest.New(t)
			c := &cutter{passOn: passOn}
			s := openTest(t, c.start(t, url))
			c.armed.Store(true)
			if err := s.AddUser(t.Context(), user("u")); err != nil { // a second time is a conflict
				t.Error(err)
			}
			if c.armed.Load() {
				t.Error("nothing was cut")
			}
			if users, err := s.Users(t.Context()); err != nil || len(users) != 1 {
				t.Errorf("%v, %v", users, err)
			}
			s.Close()
		})
	}
}

// A database that may only be read says so.
func TestReadOnlyDatabase(t *testing.T) {
	url := pgtest.New(t)
	openTest(t, url).Close()
	psql(t, url, `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`)
	s := openTest(t, url)
	wantMessage(t, s.AddUser(t.Context(), user("u")), "can only be read")
	if _, err := s.Users(t.Context()); err != nil {
		t.Error(err)
	}
}

// No error has a secret of the address, and no message its host and user.
func TestErrorsAreSilent(t *testing.T) {
	for _, url := range []string{
		"postgres://grace:hunter2@127.0.0.1:1/nothing",
		"postgres://grace:hunter2@127.0.0.1:x/nothing",
		"postgres://grace:hunter2 @127.0.0.1/nothing?sslmode=odd",
		"host=127.0.0.1 port=1 user=grace password=hunter2 sslrootcert=/nowhere sslmode=verify-full",
		"host='127.0.0.1 user=grace password=hunter2",
		"postgres://grace:hunter2@127.0.0.1:1/nothing?pool_max_conns=hunter2",
	} {
		_, err := Open(t.Context(), url)
		if err == nil {
			t.Fatal(url)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q tells the password", err)
		}
		m := syncline.MessageOf(err)
		for _, part := range []string{"hunter2", "grace", "127.0.0.1"} {
			if m == "" || strings.Contains(m, part) {
				t.Errorf("the message %q has %q", m, part)
			}
		}
	}
	_, err := Open(t.Context(), strings.Replace(pgtest.New(t), "/test", "/nothing", 1))
	wantMessage(t, err, "does not exist")
}

// A pool that is closed says that the server is stopping.
func TestClosedPool(t *testing.T) {
	pool, err := pgpool.Open(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	pool.Close()
	_, err = pool.Query(t.Context(), `SELECT 1`) //nolint:sqlclosecheck // there are none
	wantMessage(t, pool.Translate(err, "test"), "stopping")
}
