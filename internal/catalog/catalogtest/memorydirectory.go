package catalogtest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// MemoryDirectory is a catalog.Directory in memory, for tests.
type MemoryDirectory struct {
	onDamage func(syncline.ID)
	users    sync.WaitGroup

	mu       sync.Mutex
	catalogs map[syncline.ID]*catalog.Catalog
	damaged  map[syncline.ID]bool
}

// NewMemoryDirectory returns an empty directory. onDamage may be nil.
func NewMemoryDirectory(onDamage func(syncline.ID)) *MemoryDirectory {
	return &MemoryDirectory{
		onDamage: onDamage, catalogs: make(map[syncline.ID]*catalog.Catalog), damaged: make(map[syncline.ID]bool),
	}
}

// enter returns the repository's catalog with one more user.
func (d *MemoryDirectory) enter(id syncline.ID, create bool) (*catalog.Catalog, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.catalogs[id]
	if c == nil && !create {
		return nil, catalog.Missing(errors.New("nobody has made one"))
	}
	if c == nil {
		var err error
		if c, err = catalog.Open(context.Background(), NewMemory()); err == nil {
			err = c.Own(context.Background(), id, true)
		}
		if err != nil {
			return nil, err
		}
		d.catalogs[id] = c
	}
	d.users.Add(1)
	return c, nil
}

func (d *MemoryDirectory) use(id syncline.ID, create bool, fn func(*catalog.Catalog) error) error {
	c, err := d.enter(id, create)
	if err != nil {
		return err
	}
	defer d.users.Done()
	err = fn(c)
	if errors.Is(err, catalog.ErrDamaged) {
		d.mu.Lock()
		known := d.damaged[id]
		d.damaged[id] = true
		d.mu.Unlock()
		if !known && d.onDamage != nil {
			d.onDamage(id)
		}
	}
	return err
}

// Use runs fn with a catalog, which it creates.
func (d *MemoryDirectory) Use(_ context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(id, true, fn)
}

// Read runs fn with a catalog that is there.
func (d *MemoryDirectory) Read(_ context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	return d.use(id, false, fn)
}

// Present reports whether there is a catalog.
func (d *MemoryDirectory) Present(_ context.Context, id syncline.ID) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.catalogs[id] != nil, nil
}

// Damaged reports whether a catalog was found damaged.
func (d *MemoryDirectory) Damaged(_ context.Context, id syncline.ID) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.damaged[id], nil
}

// Delete forgets a catalog. Those who use it go on.
func (d *MemoryDirectory) Delete(_ context.Context, id syncline.ID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.catalogs, id)
	delete(d.damaged, id)
	return nil
}

// Trim deletes a catalog that shows nothing.
func (d *MemoryDirectory) Trim(ctx context.Context, id syncline.ID) error {
	shown := 0
	err := d.Read(ctx, id, func(c *catalog.Catalog) (err error) {
		shown, err = snapshotsOf(ctx, c)
		return err
	})
	if errors.Is(err, catalog.ErrMissing) || err == nil && shown == 0 {
		return d.Delete(ctx, id)
	}
	return err
}

// Sweep deletes all catalogs but those of keep.
func (d *MemoryDirectory) Sweep(_ context.Context, keep []syncline.ID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.catalogs {
		if !slices.Contains(keep, id) {
			delete(d.catalogs, id)
		}
	}
	return nil
}

// Close waits for the users.
func (d *MemoryDirectory) Close() { d.users.Wait() }
