package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Directory is a catalog.Directory in a database. Several nodes use one at once.
//
// Another node may delete a catalog that this one has open. The next read of it
// fails with syncline.CodeUnavailable, and the use after that begins anew.
type Directory struct {
	*link
	onDamage func(repository syncline.ID)
	maxOpen  int

	life context.Context // ends with Close
	stop context.CancelFunc
	tidy chan struct{} // has a token while dropped generations are deleted

	mu     sync.Mutex
	open   map[syncline.ID]*handle
	uses   uint64 // counts uses, for the order of handles
	closed bool
	list   *list  // nil when it has to be read
	turned uint64 // counts how often list became old
}

// handle is an open catalog and the number of its users. Once the directory has
// let it go, the last user closes it.
type handle struct {
	opened chan struct{} // closed when cat or err is set
	cat    *catalog.Catalog
	box    *Container // of cat
	no     int64
	err    error
	users  int
	used   uint64
	letGo  bool
}

// list says which catalogs there are, and which of them are damaged.
type list struct {
	read    time.Time
	damaged map[syncline.ID]bool // of all catalogs
}

// Options of a directory. Zero values stand for what is right for a server.
type Options struct {
	// OnDamage is called when this node finds a catalog damaged that no node has
	// found damaged.
	OnDamage func(repository syncline.ID)
	// Near has the node's copies of final values, nil for none.
	Near Near
	// Took is called with the time that each request to the database took.
	Took func(time.Duration)
	// MaxOpen is the number of catalogs that stay open without a user.
	MaxOpen int
	// Idle is how long a transaction may be silent; see DefaultIdle.
	Idle time.Duration
}

// defaultOpen catalogs stay open. An open catalog takes some kilobytes besides
// the caches of all, and an opening takes one trip to the database.
const defaultOpen = 1000

// listTime is how old the list of catalogs may be. It bounds how late a node
// notices what another one has made, deleted or found damaged.
const listTime = time.Second

// OpenDirectory opens the directory of a database that the store has opened.
func OpenDirectory(pool *pgxpool.Pool, o Options) *Directory {
	if o.MaxOpen == 0 {
		o.MaxOpen = defaultOpen
	}
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	d := &Directory{
		link: &link{pool: pool, idle: o.Idle, learned: &learned{near: o.Near, took: o.Took}}, onDamage: o.OnDamage, maxOpen: o.MaxOpen,
		tidy: make(chan struct{}, 1), open: make(map[syncline.ID]*handle),
	}
	d.late = newLate(d.link)
	d.life, d.stop = context.WithCancel(context.Background())
	return d
}

// Use runs fn with a repository's catalog, and makes the catalog if there is none.
func (d *Directory) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(ctx, id, true, fn)
}

// Read runs fn with a catalog that is there.
func (d *Directory) Read(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(ctx, id, false, fn)
}

func (d *Directory) use(ctx context.Context, id syncline.ID, create bool, fn func(*catalog.Catalog) error) error {
	h, err := d.acquire(ctx, id, create)
	if err == nil {
		defer d.release(h)
		err = fn(h.cat)
		if errors.Is(err, errGone) {
			d.forget(id, h)
		}
		if errors.Is(err, catalog.ErrDamaged) {
			d.mark(id, h.no)
		}
	}
	return err
}

// acquire counts in a user. The first user opens the catalog; users of other
// catalogs do not wait for that.
func (d *Directory) acquire(ctx context.Context, id syncline.ID, create bool) (*handle, error) {
	for {
		h, mine, err := d.join(id)
		if err != nil {
			return nil, err
		}
		if mine {
			// Others may wait for it longer than this user does.
			if h.err = d.openCatalog(context.WithoutCancel(ctx), id, create, h); errors.Is(h.err, catalog.ErrDamaged) {
				d.mark(id, h.no)
			}
			close(h.opened)
		}
		select {
		case <-h.opened:
			err = h.err
		case <-ctx.Done():
			err = translate(ctx, ctx.Err())
		}
		if err == nil && create && !mine {
			err = d.confirm(ctx, h)
		}
		if err == nil {
			return h, nil
		}
		if h.err != nil || errors.Is(err, errGone) {
			d.forget(id, h)
		}
		d.release(h)
		again := create && !mine && (errors.Is(err, catalog.ErrMissing) || errors.Is(err, errGone))
		if !again { // otherwise the user who opened it does not make catalogs, or another node has deleted it
			return nil, err
		}
	}
}

// join returns the handle of a catalog with one more user. mine says that the
// handle is new and that the caller has to open it.
func (d *Directory) join(id syncline.ID) (h *handle, mine bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, false, errClosed
	}
	h, ok := d.open[id]
	if !ok {
		h = &handle{opened: make(chan struct{})}
		d.open[id] = h
		d.left.Add(1)
		d.closeOldest()
	}
	d.uses++
	h.users++
	h.used = d.uses
	return h, !ok, nil
}

// closeOldest lets go of the catalog that nobody has used for longest, if too
// many are open. The caller holds mu.
func (d *Directory) closeOldest() {
	if len(d.open) <= d.maxOpen {
		return
	}
	var oldest syncline.ID
	for id, h := range d.open {
		if h.users == 0 && h.used > 0 && (oldest == "" || h.used < d.open[oldest].used) {
			oldest = id
		}
	}
	if oldest != "" {
		d.letGo(oldest, d.open[oldest])
	}
}

// openCatalog finds or makes the catalog's row and opens the catalog in it.
func (d *Directory) openCatalog(ctx context.Context, id syncline.ID, create bool, h *handle) error {
	find := statement{`SELECT no FROM syncline.catalogs WHERE repository = $1`, []param{{oidText, []byte(id)}}}
	statements := []statement{find}
	if create {
		statements = []statement{{`INSERT INTO syncline.catalogs (repository) VALUES ($1) ON CONFLICT DO NOTHING`, find.params}, find}
	}
	found := false
	err := d.ask(ctx, func(_ int, row [][]byte) error {
		h.no, found = readInt8(row[0]), true
		return nil
	}, statements...)
	if err != nil {
		return err
	}
	if !found {
		return catalog.Missing(errGone)
	}
	open := catalog.OpenExisting
	if create {
		open = catalog.Open
		d.reread()
	}
	box := newContainer(d.link, h.no, d.tidyUp)
	cat, err := open(ctx, box)
	if err != nil {
		return errors.Join(err, box.Close())
	}
	if err = cat.Own(ctx, id, create); errors.Is(err, catalog.ErrConflict) {
		err = cat.Own(ctx, id, create) // another node has opened it, too
	}
	if err != nil && !errors.Is(err, catalog.ErrNoRoom) {
		return errors.Join(err, cat.Close())
	}
	h.cat, h.box = cat, box
	return nil
}

// confirm fails with errGone if another node has deleted the catalog.
func (d *Directory) confirm(ctx context.Context, h *handle) error {
	found := false
	err := d.ask(ctx, func(int, [][]byte) error {
		found = true
		return nil
	}, statement{`SELECT 1 FROM syncline.catalogs WHERE no = $1`, []param{int8Param(h.no)}})
	if err == nil && !found {
		return gone()
	}
	return err
}

// mark notes in the database that a catalog is damaged. The catalog that may have
// taken its place is not damaged by that. If the note cannot be made, the next user
// meets the damage again.
func (d *Directory) mark(id syncline.ID, no int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.life), finishTime)
	defer cancel()
	is := false
	err := d.ask(ctx, func(int, [][]byte) error {
		is = true
		return nil
	}, statement{`INSERT INTO syncline.catalog_damages SELECT no FROM syncline.catalogs WHERE no = $1
		ON CONFLICT DO NOTHING RETURNING 1`, []param{int8Param(no)}})
	d.reread()
	if err == nil && is && d.onDamage != nil {
		d.onDamage(id)
	}
}

// catalogs returns which catalogs there are.
func (d *Directory) catalogs(ctx context.Context) (*list, error) {
	d.mu.Lock()
	l, turned := d.list, d.turned
	d.mu.Unlock()
	if l != nil && time.Since(l.read) < listTime {
		return l, nil
	}
	l = &list{read: time.Now()}
	err := d.ask(ctx, func(_ int, row [][]byte) error {
		if l.damaged == nil {
			l.damaged = make(map[syncline.ID]bool)
		}
		l.damaged[syncline.ID(row[0])] = row[1][0] != 0
		return nil
	}, statement{sql: `SELECT repository, EXISTS (SELECT 1 FROM syncline.catalog_damages WHERE catalog = no)
		FROM syncline.catalogs WHERE head <> ''`})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turned == turned {
		d.list = l
	}
	return l, nil
}

// reread forgets the list of catalogs.
func (d *Directory) reread() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = nil
	d.turned++
}

// Present reports whether the repository has a catalog. A list of repositories asks it of
// each, so one read answers for a second.
func (d *Directory) Present(ctx context.Context, id syncline.ID) (bool, error) {
	l, err := d.catalogs(ctx)
	if err != nil {
		return false, err
	}
	_, present := l.damaged[id]
	return present, nil
}

// Damaged reports whether the catalog was found damaged, by any node. Each check and each
// session asks it of its own repository, so it is not worth a list of all.
func (d *Directory) Damaged(ctx context.Context, id syncline.ID) (damaged bool, err error) {
	d.mu.Lock()
	l := d.list
	d.mu.Unlock()
	if l != nil && time.Since(l.read) < listTime {
		return l.damaged[id], nil
	}
	err = d.ask(ctx, func(int, [][]byte) error {
		damaged = true
		return nil
	}, statement{`SELECT 1 FROM syncline.catalogs JOIN syncline.catalog_damages ON catalog = no WHERE repository = $1 AND head <> ''`, []param{{oidText, []byte(id)}}})
	return damaged, err
}

// Delete removes a repository's catalog. It waits for an update that runs, on any
// node. A claim in ctx that does not hold removes nothing, as with an update.
func (d *Directory) Delete(ctx context.Context, id syncline.ID) error {
	d.mu.Lock()
	h := d.open[id]
	d.mu.Unlock()
	erase := []statement{{`WITH gone AS (DELETE FROM syncline.catalogs WHERE repository = $1 RETURNING generation)
		INSERT INTO syncline.catalog_dropped SELECT generation FROM gone`, []param{{oidText, []byte(id)}}}}
	claim, claims := catalog.ClaimOf(ctx)
	if claims {
		erase = erasing(id, claim)
	}
	holds := false
	err := d.ask(ctx, func(which int, _ [][]byte) error {
		holds = holds || which == len(erase)-1
		return nil
	}, erase...)
	if err == nil && claims && !holds {
		err = catalog.ClaimLost()
	}
	if err != nil {
		return err
	}
	if h != nil {
		d.forget(id, h)
	}
	d.reread()
	d.tidyUp()
	return nil
}

// Trim deletes a catalog that shows nothing. PostgreSQL itself uses the room of
// deleted values again.
func (d *Directory) Trim(ctx context.Context, id syncline.ID) error {
	shown := 0
	err := d.Read(ctx, id, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := v.Snapshots()
			shown = len(list)
			return err
		})
	})
	if errors.Is(err, catalog.ErrMissing) || err == nil && shown == 0 {
		return d.Delete(ctx, id)
	}
	return err
}

// Sweep deletes the catalogs of repositories that are not in keep, and what
// crashes have left.
func (d *Directory) Sweep(ctx context.Context, keep []syncline.ID) error {
	known := make(map[syncline.ID]bool, len(keep))
	for _, id := range keep {
		known[id] = true
	}
	var others []syncline.ID
	err := d.ask(ctx, func(_ int, row [][]byte) error {
		if id := syncline.ID(row[0]); !known[id] {
			others = append(others, id)
		}
		return nil
	}, statement{sql: `SELECT repository FROM syncline.catalogs`})
	if err != nil {
		return err
	}
	for _, id := range others {
		if err := d.Delete(ctx, id); err != nil {
			return err
		}
	}
	d.tidyUp()
	return nil
}

// tidyUp deletes the values of dropped generations in the background, unless that
// is being done. An error leaves them to the next time.
func (d *Directory) tidyUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case d.tidy <- struct{}{}:
	default:
		return
	}
	if d.closed {
		return
	}
	d.left.Go(func() {
		more, err := true, error(nil)
		for more && err == nil {
			more, err = d.drop(d.life)
		}
		<-d.tidy
	})
}

// forget lets go of a handle if the directory has it.
func (d *Directory) forget(id syncline.ID, h *handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[id] == h {
		d.letGo(id, h)
	}
}

// letGo has a catalog closed once its users have ended. The caller holds mu.
func (d *Directory) letGo(id syncline.ID, h *handle) {
	delete(d.open, id)
	h.letGo = true
	d.closeUnused(h)
}

func (d *Directory) release(h *handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h.users--
	d.closeUnused(h)
}

// closeUnused closes a catalog that nobody uses and that the directory has let
// go. The caller holds mu.
func (d *Directory) closeUnused(h *handle) {
	if !h.letGo || h.users > 0 {
		return
	}
	go func() { // its last transaction may be ending
		defer d.left.Done()
		if h.cat != nil {
			_ = h.cat.Close()
		}
	}()
}

// Close waits for all users and closes every catalog. The pool stays open.
func (d *Directory) Close() {
	d.mu.Lock()
	d.closed = true
	d.stop()
	for id, h := range d.open {
		d.letGo(id, h)
	}
	d.mu.Unlock()
	d.late.close()
	d.left.Wait()
}
