package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// RunDirectory tests directories. open opens the one at place, a path in a
// folder of the test's own, and creates it when it is not there. onDamage is
// told of each repository whose catalog is found damaged, once until the
// catalog is deleted.
func RunDirectory(t *testing.T, open func(t *testing.T, place string, onDamage func(syncline.ID)) catalog.Directory) {
	t.Helper()
	s := directorySuite{open}
	for name, test := range map[string]func(*testing.T){
		"Missing":     s.missing,
		"Reopen":      s.reopen,
		"Shared":      s.shared,
		"Delete":      s.delete,
		"DeleteInUse": s.deleteInUse,
		"Damage":      s.damage,
		"Errors":      s.errors,
		"Owner":       s.owner,
		"Trim":        s.trim,
		"Sweep":       s.sweep,
		"Canceled":    s.canceled,
		"ManyAtOnce":  s.manyAtOnce,
		"CloseWaits":  s.closeWaits,
	} {
		t.Run(name, test)
	}
}

type directorySuite struct {
	open func(t *testing.T, place string, onDamage func(syncline.ID)) catalog.Directory
}

// Repositories of the tests.
const (
	firstID  = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")
	secondID = syncline.ID("00000000-0000-4000-8000-000000000001")
	thirdID  = syncline.ID("00000000-0000-4000-8000-000000000002")
)

// dir opens a new directory that is closed with the test.
func (s directorySuite) dir(t *testing.T) catalog.Directory {
	t.Helper()
	d := s.open(t, filepath.Join(t.TempDir(), "catalogs"), func(id syncline.ID) { t.Errorf("the catalog of %s is damaged", id) })
	t.Cleanup(d.Close)
	return d
}

// PublishOne gives the repository's catalog one snapshot.
func PublishOne(t *testing.T, d catalog.Directory, id syncline.ID) {
	t.Helper()
	check(t, d.Use(t.Context(), id, func(c *catalog.Catalog) error {
		defer c.Unload()
		b, err := c.Build(t.Context())
		if err != nil {
			return err
		}
		err = b.NewAdder().Add(syncline.Hash{1}, nil, nil, nil)
		err = errors.Join(err, b.Flush(t.Context()))
		b.Close()
		if err == nil {
			_, err = c.Publish(t.Context(), []syncline.Snapshot{{ID: syncline.Hash{2}, Tree: syncline.Hash{1}, Time: time.Unix(1, 0)}}, nil)
		}
		return err
	}))
}

// snapshotsOf counts the snapshots that a catalog shows.
func snapshotsOf(ctx context.Context, c *catalog.Catalog) (n int, err error) {
	err = c.View(ctx, func(v *catalog.View) error {
		list, err := v.Snapshots()
		n = len(list)
		return err
	})
	return n, err
}

// wantSnapshots fails unless the repository has a catalog with n snapshots, or
// none for -1.
func wantSnapshots(t *testing.T, d catalog.Directory, id syncline.ID, n int) {
	t.Helper()
	got := -1
	err := d.Read(t.Context(), id, func(c *catalog.Catalog) (err error) {
		got, err = snapshotsOf(t.Context(), c)
		return err
	})
	if n < 0 && errors.Is(err, catalog.ErrMissing) {
		err = nil
	}
	present, presentErr := d.Present(t.Context(), id)
	check(t, errors.Join(err, presentErr))
	if got != n || present != (n >= 0) {
		t.Fatalf("the catalog has %d snapshots and is present: %v; want %d (-1 is none)", got, present, n)
	}
}

func (s directorySuite) missing(t *testing.T) {
	d := s.dir(t)
	wantSnapshots(t, d, firstID, -1)
	check(t, d.Use(t.Context(), firstID, func(c *catalog.Catalog) error {
		if n, err := snapshotsOf(t.Context(), c); err != nil || n != 0 {
			t.Errorf("a new catalog has %d snapshots (%v)", n, err)
		}
		return nil
	}))
	wantSnapshots(t, d, firstID, 0)
	wantSnapshots(t, d, secondID, -1)
}

func (s directorySuite) reopen(t *testing.T) {
	place := filepath.Join(t.TempDir(), "catalogs")
	for range 3 {
		d := s.open(t, place, nil)
		PublishOne(t, d, firstID)
		wantSnapshots(t, d, firstID, 1)
		wantSnapshots(t, d, secondID, -1)
		d.Close()
	}
}

// shared has users at once get one catalog.
func (s directorySuite) shared(t *testing.T) {
	d := s.dir(t)
	var seen sync.Map
	var inside, users sync.WaitGroup
	inside.Add(8)
	for range 8 {
		users.Go(func() {
			err := d.Use(t.Context(), firstID, func(c *catalog.Catalog) error {
				seen.Store(c, true)
				inside.Done()
				inside.Wait()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	users.Wait()
	n := 0
	seen.Range(func(any, any) bool {
		n++
		return true
	})
	if n != 1 {
		t.Errorf("8 users at once have %d catalogs", n)
	}
}

func (s directorySuite) delete(t *testing.T) {
	d := s.dir(t)
	check(t, d.Delete(t.Context(), firstID))
	for range 2 {
		PublishOne(t, d, firstID)
		PublishOne(t, d, secondID)
		check(t, d.Delete(t.Context(), firstID))
		wantSnapshots(t, d, firstID, -1)
		wantSnapshots(t, d, secondID, 1)
	}
	check(t, d.Use(t.Context(), firstID, func(*catalog.Catalog) error { return nil }))
	wantSnapshots(t, d, firstID, 0)
}

// deleteInUse deletes a catalog under a user. The user's view goes on, and the
// next user has a new catalog.
func (s directorySuite) deleteInUse(t *testing.T) {
	d := s.dir(t)
	PublishOne(t, d, firstID)
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- d.Read(t.Context(), firstID, func(c *catalog.Catalog) error {
			close(inside)
			<-leave
			n, err := snapshotsOf(t.Context(), c)
			if err == nil && n != 1 {
				err = fmt.Errorf("a catalog that was deleted in use shows %d snapshots", n)
			}
			return err
		})
	}()
	<-inside
	check(t, d.Delete(t.Context(), firstID))
	wantSnapshots(t, d, firstID, -1)
	check(t, d.Use(t.Context(), firstID, func(*catalog.Catalog) error { return nil }))
	close(leave)
	if err := <-done; err != nil {
		wantCode(t, err, syncline.CodeUnavailable)
	}
	PublishOne(t, d, firstID)
	wantSnapshots(t, d, firstID, 1)
}

func wantDamaged(t *testing.T, d catalog.Directory, id syncline.ID, want bool) {
	t.Helper()
	got, err := d.Damaged(t.Context(), id)
	check(t, err)
	if got != want {
		t.Fatalf("the catalog of %s counts as damaged: %v, want %v", id, got, want)
	}
}

func (s directorySuite) damage(t *testing.T) {
	place := filepath.Join(t.TempDir(), "catalogs")
	var told []syncline.ID
	open := func() catalog.Directory {
		return s.open(t, place, func(id syncline.ID) { told = append(told, id) })
	}
	d := open()
	PublishOne(t, d, firstID)
	PublishOne(t, d, secondID)
	wantDamaged(t, d, firstID, false)
	for range 2 {
		err := d.Use(t.Context(), firstID, func(*catalog.Catalog) error { return catalog.Damaged(errStop) })
		wantCode(t, err, syncline.CodeDamaged)
		wantDamaged(t, d, firstID, true)
		wantDamaged(t, d, secondID, false)
	}
	d.Close()
	d = open()
	wantDamaged(t, d, firstID, true)
	check(t, d.Delete(t.Context(), firstID))
	wantDamaged(t, d, firstID, false)
	PublishOne(t, d, firstID)
	wantCode(t, d.Read(t.Context(), firstID, func(*catalog.Catalog) error { return catalog.Damaged(errStop) }), syncline.CodeDamaged)
	wantDamaged(t, d, firstID, true)
	d.Close()
	if fmt.Sprint(told) != fmt.Sprint([]syncline.ID{firstID, firstID}) {
		t.Errorf("damage was told of %v", told)
	}
}

// errors passes on what fn returns.
func (s directorySuite) errors(t *testing.T) {
	d := s.dir(t)
	for _, want := range []error{errStop, catalog.ErrMissing, catalog.ErrOutdated, catalog.Conflict()} {
		err := d.Use(t.Context(), firstID, func(*catalog.Catalog) error { return want })
		if !errors.Is(err, want) {
			t.Errorf("%v came out as %v", want, err)
		}
	}
	wantDamaged(t, d, firstID, false)
	wantSnapshots(t, d, firstID, 0)
}

// owner shows that a catalog knows whose it is.
func (s directorySuite) owner(t *testing.T) {
	d := s.dir(t)
	check(t, d.Use(t.Context(), firstID, func(c *catalog.Catalog) error {
		if err := c.Own(t.Context(), secondID, true); !errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("the catalog of one repository becomes another one's: %v", err)
		}
		return c.Own(t.Context(), firstID, true)
	}))
}

func (s directorySuite) trim(t *testing.T) {
	d := s.dir(t)
	check(t, d.Trim(t.Context(), firstID))
	PublishOne(t, d, firstID)
	check(t, d.Use(t.Context(), secondID, func(*catalog.Catalog) error { return nil }))
	for _, id := range []syncline.ID{firstID, secondID} {
		check(t, d.Trim(t.Context(), id))
	}
	wantSnapshots(t, d, firstID, 1)
	wantSnapshots(t, d, secondID, -1)
}

func (s directorySuite) sweep(t *testing.T) {
	place := filepath.Join(t.TempDir(), "catalogs")
	d := s.open(t, place, nil)
	for _, id := range []syncline.ID{firstID, secondID, thirdID} {
		PublishOne(t, d, id)
	}
	check(t, d.Sweep(t.Context(), []syncline.ID{firstID, secondID}))
	wantSnapshots(t, d, secondID, 1)
	wantSnapshots(t, d, thirdID, -1)
	d.Close()
	d = s.open(t, place, nil)
	check(t, d.Sweep(t.Context(), []syncline.ID{firstID, thirdID}))
	wantSnapshots(t, d, firstID, 1)
	wantSnapshots(t, d, secondID, -1)
	check(t, d.Sweep(t.Context(), nil))
	wantSnapshots(t, d, firstID, -1)
	d.Close()
}

func (s directorySuite) canceled(t *testing.T) {
	d := s.dir(t)
	PublishOne(t, d, firstID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := d.Use(ctx, firstID, func(c *catalog.Catalog) error {
		_, err := snapshotsOf(ctx, c)
		return err
	})
	wantCode(t, err, syncline.CodeCanceled)
	wantDamaged(t, d, firstID, false)
	wantSnapshots(t, d, firstID, 1)
}

// manyAtOnce opens catalogs, and deletes them, all the time. Each user has a
// whole one or is told.
func (s directorySuite) manyAtOnce(t *testing.T) {
	d := s.dir(t)
	ids := []syncline.ID{firstID, secondID, thirdID}
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for turn := range 40 {
				id := ids[(i+turn)%len(ids)]
				err := d.Use(t.Context(), id, func(c *catalog.Catalog) error {
					_, err := snapshotsOf(t.Context(), c)
					return err
				})
				if err != nil && syncline.CodeOf(err) != syncline.CodeUnavailable {
					t.Error(err)
				}
				if turn%4 == i%4 {
					if err := d.Delete(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	users.Wait()
	for _, id := range ids {
		check(t, d.Delete(t.Context(), id))
		wantSnapshots(t, d, id, -1)
	}
}

func (s directorySuite) closeWaits(t *testing.T) {
	d := s.open(t, filepath.Join(t.TempDir(), "catalogs"), nil)
	PublishOne(t, d, firstID)
	closed := make(chan struct{})
	check(t, d.Use(t.Context(), firstID, func(c *catalog.Catalog) error {
		go func() {
			d.Close()
			close(closed)
		}()
		for range 200 {
			if _, err := snapshotsOf(t.Context(), c); err != nil {
				return err
			}
			select {
			case <-closed:
				return errors.New("Close returned while a catalog was used")
			default:
			}
		}
		return nil
	}))
	<-closed
}
