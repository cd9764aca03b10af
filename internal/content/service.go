package content

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

// Catalogs gives the repositories' catalogs.
type Catalogs interface {
	Use(ctx context.Context, repository syncline.ID, fn func(*catalog.Catalog) error) error
}

// Opened is an attached repository that was opened for reading.
type Opened struct {
	Repository *resticrepo.Repository
	Streams    int // reads at once; 0 for one a core
	Close      func() error
}

// Service gives the contents of a server's restore points.
type Service struct {
	Catalogs Catalogs
	// Open opens an attached repository; the caller closes it.
	Open func(ctx context.Context, repository syncline.ID) (Opened, error)

	once  sync.Once
	cache *Cache
	slots chan struct{}

	mu       sync.Mutex
	locators []keptLocator // the one used last in front
}

type keptLocator struct {
	repository syncline.ID
	changes    uint64
	locator    *Locator
}

// What a server gives to downloads at most: each reads ahead as far as the
// window, and some blobs and locators are kept for the next one.
const (
	maxDownloads   = 16
	downloadWindow = 16 << 20
	cacheSize      = 64 << 20
	maxLocators    = 4
)

// Download is one file of a restore point, opened for reading. It must be
// closed.
type Download struct {
	// Entry is all that restic recorded of the file.
	Entry  *syncline.Entry
	file   *File
	opened Opened
	done   func()
}

// Size returns the length of the content in bytes.
func (d *Download) Size() int64 { return d.file.Size() }

// ContentID names the content: equal names mean equal bytes.
func (d *Download) ContentID() string { return ContentID(d.file.ids) }

// WriteRange writes length bytes from offset to w; they lie within the content.
func (d *Download) WriteRange(ctx context.Context, w io.Writer, offset, length int64) error {
	return d.file.WriteRange(ctx, w, offset, length)
}

// Close lets the repository go.
func (d *Download) Close() error {
	defer d.done()
	return d.opened.Close()
}

// Download opens the file at an absolute path of a restore point. The errors
// are CodeNotFound, CodeInvalid for what is no regular file, CodeThrottled when
// too many downloads run, and those of opening the repository.
func (s *Service) Download(ctx context.Context, point syncline.RestorePoint, path string) (*Download, error) {
	s.once.Do(func() {
		s.cache = NewCache(cacheSize)
		s.slots = make(chan struct{}, maxDownloads)
	})
	e, locator, err := s.find(ctx, point, path)
	if err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return nil, syncline.Errorf(syncline.CodeThrottled, "%d downloads are running already; try again when one has ended", maxDownloads)
	}
	d := &Download{Entry: e, done: func() { <-s.slots }}
	if d.opened, err = s.Open(ctx, point.RepositoryID); err != nil {
		d.done()
		return nil, err
	}
	source := &Source{
		Repository: d.opened.Repository, Locator: locator, Streams: d.opened.Streams, Window: downloadWindow, Cache: s.cache,
	}
	if d.file, err = source.Open(e); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Use runs fn on one state of the catalog that has the restore point, with the
// point's root and the repository's contents. The errors are those of fn,
// CodeNotFound, and those of opening the repository.
func (s *Service) Use(ctx context.Context, point syncline.RestorePoint, fn func(*catalog.View, catalog.TreeRef, *Source) error) error {
	opened, err := s.Open(ctx, point.RepositoryID)
	if err != nil {
		return err
	}
	err = s.view(ctx, point, func(v *catalog.View, root catalog.TreeRef) error {
		locator, err := s.locator(v, point.RepositoryID)
		if err != nil {
			return err
		}
		return fn(v, root, &Source{Repository: opened.Repository, Locator: locator, Streams: opened.Streams})
	})
	return errors.Join(err, opened.Close())
}

// Find returns the entry at an absolute path of a restore point, nil for the
// root, without its content.
func (s *Service) Find(ctx context.Context, point syncline.RestorePoint, path string) (e *syncline.Entry, err error) {
	err = s.view(ctx, point, func(v *catalog.View, root catalog.TreeRef) error {
		e, _, _, err = v.Find(root, path)
		return err
	})
	return e, err
}

// view runs fn on one state of the catalog that has the restore point.
func (s *Service) view(ctx context.Context, point syncline.RestorePoint, fn func(*catalog.View, catalog.TreeRef) error) error {
	return s.Catalogs.Use(ctx, point.RepositoryID, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(x catalog.Snapshot) bool { return x.ID == point.Snapshot.ID })
			if i < 0 {
				return syncline.Errorf(syncline.CodeNotFound, "the restore point is gone from the repository")
			}
			return fn(v, list[i].Root)
		})
	})
}

// find reads the file's entry and where blobs lie.
func (s *Service) find(ctx context.Context, point syncline.RestorePoint, path string) (e *syncline.Entry, l *Locator, err error) {
	err = s.view(ctx, point, func(v *catalog.View, root catalog.TreeRef) error {
		if e, _, _, err = v.FindWith(root, path, catalog.WithContent); err != nil {
			return err
		}
		if err := CheckFile(e, path); err != nil {
			return err
		}
		l, err = s.locator(v, point.RepositoryID)
		return err
	})
	return e, l, err
}

// CheckFile makes sure that an entry, nil for the root, has content.
func CheckFile(e *syncline.Entry, path string) error {
	switch {
	case e == nil || e.IsDir():
		return syncline.Errorf(syncline.CodeInvalid, "%q is a folder; name a file in it", path)
	case e.Type != syncline.TypeFile:
		return syncline.Errorf(syncline.CodeInvalid, "%q is no regular file but of type %s, which has no content", path, e.Type)
	}
	return nil
}

func (s *Service) locator(v *catalog.View, id syncline.ID) (*Locator, error) {
	s.mu.Lock()
	for i, k := range s.locators {
		if k.repository == id && k.changes == v.Changes() {
			copy(s.locators[1:], s.locators[:i])
			s.locators[0] = k
			s.mu.Unlock()
			return k.locator, nil
		}
	}
	s.mu.Unlock()
	l, err := NewLocator(v)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locators = slices.DeleteFunc(s.locators, func(k keptLocator) bool { return k.repository == id })
	s.locators = slices.Insert(s.locators, 0, keptLocator{id, v.Changes(), l})
	s.locators = s.locators[:min(len(s.locators), maxLocators)]
	return l, nil
}
