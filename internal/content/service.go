package content

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/resticrepo"
)

// Catalogs opens the repositories' catalogs.
type Catalogs interface {
	Use(ctx context.Context, repository syncline.ID, fn func(*catalog.Catalog) error) error
}

// Service returns the contents of a server's restore points.
type Service struct {
	Catalogs Catalogs
	// Open opens an attached repository; the caller closes it.
	Open func(ctx context.Context, repository syncline.ID) (place.Opened, error)

	once  sync.Once
	cache *Cache
	slots chan struct{}

	mu       sync.Mutex
	locators []keptLocator // the last used one in front
}

type keptLocator struct {
	repository syncline.ID
	changes    uint64
	locator    *Locator
}

// Bounds of all downloads of a server. Each download reads ahead within the
// window. Some blobs and locators are kept for the next one.
const (
	maxDownloads   = 16
	downloadWindow = 16 << 20
	cacheSize      = 64 << 20
	maxLocators    = 4
)

// Download is one file of a restore point, opened for reading. The caller
// closes it.
type Download struct {
	// Entry is the complete entry of the file.
	Entry  *syncline.Entry
	file   *File
	source *OpenedSource
}

// Size returns the length of the content in bytes.
func (d *Download) Size() int64 { return d.file.Size() }

// ContentID returns a name of the content. Equal names mean equal bytes.
func (d *Download) ContentID() string { return ContentID(d.file.ids) }

// WriteRange writes length bytes from offset to w. The range lies within the
// content.
func (d *Download) WriteRange(ctx context.Context, w io.Writer, offset, length int64) error {
	return d.file.WriteRange(ctx, w, offset, length)
}

// Close releases the repository.
func (d *Download) Close() error { return d.source.Close() }

// Download opens the file at an absolute path of a restore point. The errors
// are CodeNotFound, CodeInvalid for an item that is no regular file, and those
// of Open.
func (s *Service) Download(ctx context.Context, point syncline.RestorePoint, path string) (*Download, error) {
	var e *syncline.Entry
	err := s.View(ctx, point, func(v *catalog.View) error {
		root, err := Root(v, point)
		if err != nil {
			return err
		}
		if e, _, _, err = v.FindWith(root, path, catalog.WithContent); err == nil {
			err = CheckFile(e, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	source, err := s.OpenSource(ctx, point)
	if err != nil {
		return nil, err
	}
	f, err := source.Open(e)
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return &Download{Entry: e, file: f, source: source}, nil
}

// View runs fn with one state of the restore point's catalog.
func (s *Service) View(ctx context.Context, point syncline.RestorePoint, fn func(*catalog.View) error) error {
	return s.Catalogs.Use(ctx, point.RepositoryID, func(c *catalog.Catalog) error { return c.View(ctx, fn) })
}

// Check makes sure that the opened repository is the catalog's. CodeConflict
// means that another repository lies at its place, without the catalog's blobs.
func Check(v *catalog.View, r *resticrepo.Repository) error {
	return v.CheckRepository(syncline.Hash(r.Config().ID))
}

// Root returns the root of a restore point. CodeNotFound means that the restore
// point is gone.
func Root(v *catalog.View, point syncline.RestorePoint) (catalog.TreeRef, error) {
	list, err := v.Snapshots()
	if err != nil {
		return catalog.TreeRef{}, err
	}
	i := slices.IndexFunc(list, func(x catalog.Snapshot) bool { return x.ID == point.Snapshot.ID })
	if i < 0 {
		return catalog.TreeRef{}, syncline.Errorf(syncline.CodeNotFound, "the restore point is gone from the repository")
	}
	return list[i].Root, nil
}

// OpenedSource is a Source for one download. The caller closes it.
type OpenedSource struct {
	Source
	close func() error
	done  func()
}

// Close releases the repository.
func (s *OpenedSource) Close() error {
	defer s.done()
	return s.close()
}

// OpenSource opens the repository of a restore point. The errors are
// CodeThrottled for too many downloads, and those of opening the repository.
func (s *Service) OpenSource(ctx context.Context, point syncline.RestorePoint) (*OpenedSource, error) {
	s.once.Do(func() {
		s.cache = NewCache(cacheSize)
		s.slots = make(chan struct{}, maxDownloads)
	})
	select {
	case s.slots <- struct{}{}:
	default:
		return nil, syncline.Errorf(syncline.CodeThrottled, "%d downloads are running already on this machine; try again when one has ended", maxDownloads)
	}
	done := func() { <-s.slots }
	var locator *Locator
	err := s.View(ctx, point, func(v *catalog.View) (err error) {
		locator, err = s.locator(ctx, v, point.RepositoryID)
		return err
	})
	if err != nil {
		done()
		return nil, err
	}
	opened, err := s.Open(ctx, point.RepositoryID)
	if err != nil {
		done()
		return nil, err
	}
	err = s.View(ctx, point, func(v *catalog.View) error { return Check(v, opened.Repository) })
	if err != nil {
		done()
		return nil, errors.Join(err, opened.Close())
	}
	return &OpenedSource{
		Source: Source{
			Repository: opened.Repository, Locator: locator, Streams: opened.Streams, Window: downloadWindow, Cache: s.cache,
		},
		close: opened.Close, done: done,
	}, nil
}

// Use runs fn with the restore point's tree and the repository's contents. No view of the
// catalog lasts as long as fn. The errors are those of fn, CodeNotFound, and those of
// opening the repository.
func (s *Service) Use(ctx context.Context, point syncline.RestorePoint, fn func(Tree, *Source) error) error {
	tree := s.Tree(point).Patient()
	tree.repeats = true
	opened, err := s.openPatiently(ctx, tree)
	if err != nil {
		return err
	}
	var locator *Locator
	err = tree.View(ctx, func(v *catalog.View) error {
		err := Check(v, opened.Repository)
		if err == nil {
			_, err = Root(v, point)
		}
		if err == nil {
			locator, err = s.locator(ctx, v, point.RepositoryID)
		}
		return err
	})
	if err == nil {
		err = fn(tree, &Source{Repository: opened.Repository, Locator: locator, Streams: opened.Streams})
	}
	return errors.Join(err, opened.Close())
}

// openTries bounds the tries of openPatiently.
const openTries = 3

// openPatiently opens the repository of a tree. Where that is not possible now, it waits for
// the catalog and tries again: the two have one database. Storage has tries of its own.
func (s *Service) openPatiently(ctx context.Context, tree Tree) (opened place.Opened, err error) {
	for range openTries {
		opened, err = s.Open(ctx, tree.point.RepositoryID)
		if syncline.CodeOf(err) != syncline.CodeUnavailable {
			return opened, err
		}
		if away := tree.View(ctx, func(*catalog.View) error { return nil }); away != nil {
			return opened, away
		}
	}
	return opened, err
}

// Find returns the entry at an absolute path of a restore point, without its
// content. It returns nil for the root.
func (s *Service) Find(ctx context.Context, point syncline.RestorePoint, path string) (e *syncline.Entry, err error) {
	err = s.View(ctx, point, func(v *catalog.View) error {
		root, err := Root(v, point)
		if err == nil {
			e, _, _, err = v.Find(root, path)
		}
		return err
	})
	return e, err
}

// CheckFile makes sure that an entry has content. The nil entry is the root.
func CheckFile(e *syncline.Entry, path string) error {
	switch {
	case e == nil || e.IsDir():
		return syncline.Errorf(syncline.CodeInvalid, "%q is a folder; name a file in it", path)
	case e.Type != syncline.TypeFile:
		return syncline.Errorf(syncline.CodeInvalid, "%q is no regular file but of type %s, which has no content", path, e.Type)
	}
	return nil
}

func (s *Service) locator(ctx context.Context, v *catalog.View, id syncline.ID) (*Locator, error) {
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
	l, err := NewLocator(ctx, v)
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
