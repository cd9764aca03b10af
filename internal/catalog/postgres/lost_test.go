package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/pgtest"
)

func wantCode(t testing.TB, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, syncline.CodeOf(err), code)
	}
}

// headOf returns the head that a container has.
func headOf(t testing.TB, c catalog.Container) (head catalog.Head) {
	t.Helper()
	check(t, c.View(context.Background(), func(r catalog.Reader) error {
		head = r.Head()
		return nil
	}))
	return head
}

// write puts one value into an update that continues the head, and sets next.
func write(ctx context.Context, c catalog.Container, before, next catalog.Head, value string) error {
	return c.Update(ctx, before, func(w catalog.Writer) error {
		return errors.Join(w.Put(1, 1, []byte(value)), w.SetHead(next))
	})
}

func wantValue(t testing.TB, c catalog.Container, value string) {
	t.Helper()
	check(t, c.View(context.Background(), func(r catalog.Reader) error { return reads(r, value) }))
}

func reads(r catalog.Reader, value string) error {
	got, err := r.Get(1, 1)
	if err == nil && string(got) != value {
		err = fmt.Errorf("the value is %q, want %q", got, value)
	}
	return err
}

// TestRestart restarts the server in the middle of a view and of an update.
func TestRestart(t *testing.T) {
	for _, mode := range []string{"fast", "immediate"} {
		server := pgtest.Start(t)
		url := server.Database(t)
		pool := connect(t, url)
		c := openBox(t, pool, pool, "one")
		check(t, write(t.Context(), c, "", "first", "before"))
		restart := func() {
			server.Stop(t, mode)
			server.Run(t)
		}
		ran := 0
		check(t, c.View(t.Context(), func(r catalog.Reader) error {
			ran++
			restart()
			return reads(r, "before")
		}))
		err := c.Update(t.Context(), "first", func(w catalog.Writer) error {
			check(t, w.Put(1, 1, []byte("lost")))
			check(t, w.(*writer).send())
			restart()
			return w.SetHead("lost")
		})
		wantCode(t, err, syncline.CodeUnavailable)
		wantValue(t, c, "before") // also on connections that were lost while idle
		if head := headOf(t, c); head != "first" || ran != 1 {
			t.Errorf("%s: the head is %q, and the view ran %d times", mode, head, ran)
		}
		check(t, write(t.Context(), c, "first", "second", "after"))
		wantValue(t, c, "after")
		server.Stop(t, mode)
		err = c.View(t.Context(), func(catalog.Reader) error { return nil })
		wantCode(t, err, syncline.CodeUnavailable)
		for _, secret := range []string{"127.0.0.1", fmt.Sprint(server.Port), "syncline@"} {
			if bytes.Contains([]byte(err.Error()), []byte(secret)) {
				t.Errorf("the error names the server: %v", err)
			}
		}
	}
}

// TestIdleLoss ends all connections between requests. Nobody notices.
func TestIdleLoss(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	check(t, write(t.Context(), c, "", "head 0", "0"))
	for i := range 5 {
		holdAll(t, pool)
		c.LoseConnections()
		wantValue(t, c, fmt.Sprint(i))
		holdAll(t, pool)
		c.LoseConnections()
		check(t, write(t.Context(), c, catalog.Head(fmt.Sprint("head ", i)), catalog.Head(fmt.Sprint("head ", i+1)), fmt.Sprint(i+1)))
	}
}

// TestViewLosesManyConnections ends the connection of a view again and again. The view
// goes on each time.
func TestViewLosesManyConnections(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	check(t, write(t.Context(), c, "", "first", "before"))
	check(t, c.View(t.Context(), func(r catalog.Reader) error {
		for range 2 * maxLosses {
			c.LoseConnections()
			if err := reads(r, "before"); err != nil {
				return err
			}
		}
		return nil
	}))
}

// holdAll has the pool open all of its connections.
func holdAll(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		check(t, err)
		defer conn.Release()
	}
}

// TestLostCommit loses the connection behind the request that commits, before its
// answer. The write is there, and the writer is told so. In the other half of the
// rounds the server never gets the request.
func TestLostCommit(t *testing.T) {
	url := pgtest.New(t)
	proxy := pgtest.NewProxy(t, url)
	direct := connect(t, url)
	// The question how it ended needs the place of the lost connection in the pool.
	c := openBox(t, connect(t, proxy.URL()+"&pool_max_conns=1"), direct, "one")
	head := catalog.Head("")
	for i := range 20 {
		next := catalog.Head(fmt.Sprint("head ", i))
		err := c.Update(t.Context(), head, func(w catalog.Writer) error {
			if i%2 == 0 {
				proxy.CutBehind(func([]byte) bool {
					proxy.CutBehind(nil) // the question how it ended passes
					return true
				})
			} else {
				proxy.Cut()
			}
			return errors.Join(w.Put(1, 1, []byte(next)), w.SetHead(next))
		})
		if i%2 == 0 {
			check(t, err)
			head = next
		} else {
			wantCode(t, err, syncline.CodeUnavailable)
		}
		if got := headOf(t, c); got != head {
			t.Fatalf("round %d: the head is %q, want %q", i, got, head)
		}
		wantValue(t, c, string(head))
	}
}

// TestClaimLostMeanwhile takes the work over while an update under the claim runs: the
// taking waits for the end of the update, or passes the work over.
func TestClaimLostMeanwhile(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	claim := c.TakeWork(t, "work")
	ctx := catalog.WithClaim(t.Context(), claim)
	check(t, c.Update(ctx, "", func(w catalog.Writer) error {
		n := number(t, other, `SELECT count(*) FROM (SELECT 1 FROM syncline.work FOR UPDATE SKIP LOCKED) AS x`)
		if n != 0 {
			t.Error("the work can be taken while an update holds it")
		}
		// The owner renews its lease all the same.
		exec(t, other, `UPDATE syncline.work SET progress = 1`)
		return errors.Join(w.Put(1, 1, []byte("held")), w.SetHead("held"))
	}))
	if n := number(t, other, `SELECT count(*) FROM (SELECT 1 FROM syncline.work FOR UPDATE SKIP LOCKED) AS x`); n != 1 {
		t.Error("the work cannot be taken behind an update")
	}
	exec(t, other, `UPDATE syncline.work SET state = 'succeeded'`)
	err := write(ctx, c, "held", "late", "late")
	if !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("a write for work that has ended gives %v", err)
	}
	wantValue(t, c, "held")
}

// TestDeleteUnderAClaim deletes a catalog for work that another node has, and for work
// that holds.
func TestDeleteUnderAClaim(t *testing.T) {
	pool, other := pools(t)
	d := OpenDirectory(pool, Options{Idle: DefaultIdle})
	defer d.Close()
	const id = syncline.ID("a repository")
	check(t, d.Use(t.Context(), id, func(*catalog.Catalog) error { return nil }))
	b := openBox(t, pool, other, "one")
	late := b.TakeWork(t, "work")
	now := b.TakeWork(t, "work")
	if err := d.Delete(catalog.WithClaim(t.Context(), late), id); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("a late node deletes a catalog: %v", err)
	}
	present := func() bool {
		return number(t, other, `SELECT count(*) FROM syncline.catalogs WHERE repository = $1`, id) == 1
	}
	if !present() {
		t.Error("the late node's deletion was done")
	}
	check(t, d.Delete(catalog.WithClaim(t.Context(), now), id))
	if present() {
		t.Error("the catalog is there")
	}
	check(t, d.Delete(catalog.WithClaim(t.Context(), now), id)) // also where there is none
}

// TestStandsStill has a writer whose process stands still in the middle of an update,
// as the database sees it: nothing comes any more. It is refused when it goes on, and
// the next writer waits no longer than the bound.
func TestStandsStill(t *testing.T) {
	url := pgtest.New(t)
	direct := connect(t, url)
	proxy := pgtest.NewProxy(t, url)
	still, next := openBox(t, connect(t, proxy.URL()), direct, "one"), openBox(t, direct, direct, "one")
	still.idle = 300 * time.Millisecond
	check(t, write(t.Context(), next, "", "first", "first"))
	err := still.Update(t.Context(), "first", func(w catalog.Writer) error {
		check(t, w.Put(1, 1, []byte("late")))
		check(t, w.(*writer).send())
		proxy.Let(false)
		check(t, write(t.Context(), next, "first", "second", "second"))
		proxy.Let(true)
		return w.SetHead("late")
	})
	if code := syncline.CodeOf(err); code != syncline.CodeUnavailable && code != syncline.CodeConflict {
		t.Errorf("a writer that stood still gets %v", err)
	}
	wantValue(t, next, "second")
}

// TestLiveWriterKeeps has a writer think for longer than a silent one may: it is
// not refused, because its process lives. So does a reader.
func TestLiveWriterKeeps(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	c.idle = 500 * time.Millisecond
	pause := func() { exec(t, other, `SELECT pg_sleep(1.5)`) } // by the clock that ends silent transactions
	check(t, c.Update(t.Context(), "", func(w catalog.Writer) error {
		check(t, w.Put(1, 1, []byte("slow")))
		pause()
		return w.SetHead("slow")
	}))
	check(t, c.View(t.Context(), func(r catalog.Reader) error {
		exec(t, other, `UPDATE syncline.catalogs SET head = 'other'`) // a view that resumes would notice
		pause()
		return reads(r, "slow")
	}))
}

// TestNextView has a view end with the begin of the next one: on the same connection, and
// with the state at that moment. The connections that wait are few, and go back in the end.
func TestNextView(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	c.late.wait = time.Hour
	check(t, write(t.Context(), c, "", "head 0", "0"))
	for i := range 10 {
		wantValue(t, c, fmt.Sprint(i))
		if i > 3 && len(c.late.kept) != 1 { // the first ones have statements to prepare
			t.Fatalf("%d connections wait for the next view", len(c.late.kept))
		}
		c.left.Wait()
		exec(t, other, `UPDATE syncline.catalogs SET head = $1`, fmt.Sprint("head ", i+1))
		exec(t, other, `UPDATE syncline.catalog_values SET data = $1`, []byte(fmt.Sprint(i+1)))
	}
	if n := number(t, other, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`); n != 1 {
		t.Errorf("%d transactions have not ended", n)
	}
	viewTogether(t, c, 8) // which have statements to prepare
	viewTogether(t, c, 8)
	if n := len(c.late.kept); n != c.late.most {
		t.Errorf("%d connections wait, want %d", n, c.late.most)
	}
	c.late.close()
	c.late.l.left.Wait()
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are not back", n)
	}
}

// viewTogether has several views that are there at the same time.
func viewTogether(t *testing.T, c *box, many int) {
	t.Helper()
	var in, all sync.WaitGroup
	inside := make(chan struct{})
	in.Add(many)
	for range many {
		all.Go(func() {
			if err := c.View(t.Context(), func(catalog.Reader) error {
				in.Done()
				<-inside
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	in.Wait()
	close(inside)
	all.Wait()
	c.left.Wait()
}

// TestConnectionGoesBack has views on one connection, which goes back to the pool between
// some of them, and at once when it is closed.
func TestConnectionGoesBack(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	c.late.wait, c.late.views = time.Hour, 4
	check(t, write(t.Context(), c, "", "head 0", "0"))
	back := 0
	for i := range 60 {
		wantValue(t, c, "0")
		c.left.Wait()
		if i >= 10 && pool.Stat().AcquiredConns() == 0 { // the first ones have statements to prepare
			back++
		}
	}
	if back != 10 {
		t.Errorf("the connection goes back after %d of 50 views, want 10", back)
	}
	check(t, c.View(t.Context(), func(r catalog.Reader) error {
		return r.(*reader).s.conn.Conn().Close(t.Context())
	}))
	if n := len(c.late.kept); n != 0 {
		t.Errorf("%d closed connections wait for the next view", n)
	}
	c.late.wait = lateTime
	for range 2 { // another connection has statements to prepare first
		wantValue(t, c, "0")
		c.left.Wait()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range pool.Config().MaxConns { // each of them is back once nobody has had a view for a moment
		conn, err := pool.Acquire(ctx)
		check(t, err)
		defer conn.Release()
	}
}

// TestForgottenStatements takes prepared statements from a connection, as a pooler does
// that gives it another one. Nobody notices, and nothing is prepared any more.
func TestForgottenStatements(t *testing.T) {
	pool, other := pools(t)
	c := openBox(t, pool, other, "one")
	c.late = nil // the pool has each connection back
	check(t, write(t.Context(), c, "", "head 0", "0"))
	for i := range 10 {
		wantValue(t, c, fmt.Sprint(i))
		c.left.Wait() // now the connection has its statements
		next := i + 1
		exec(t, pool, `DEALLOCATE ALL`)
		check(t, write(t.Context(), c, catalog.Head(fmt.Sprint("head ", i)), catalog.Head(fmt.Sprint("head ", next)), fmt.Sprint(next)))
	}
	if !c.unprepared.Load() {
		t.Error("statements are prepared behind a pooler that forgets them")
	}
}
