package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	catalogfiles "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/doctor"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/storage/rclone"
)

const (
	// reachTime bounds the check of one repository, and reachAtOnce how many are
	// checked at once.
	reachTime   = 20 * time.Second
	reachAtOnce = 8
	// keptTime bounds the look at the retention of a repository that has opened. A check that
	// takes both times and more is given up, so that a slow look hides no opened repository.
	keptTime = reachTime / 2
)

// catalogFolder returns the folder of the catalogs, "" if there is none yet.
func (d *Doctor) catalogFolder() string {
	folder := d.Settings.Catalogs
	if folder == "" {
		folder = filepath.Join(d.data, "catalogs")
		if _, err := os.Stat(folder); err != nil {
			return ""
		}
	}
	return folder
}

// catalogs opens each repository's catalog for reading and compares it with the mark
// in the database.
func (d *Doctor) catalogs(ctx context.Context) (all []doctor.Finding) {
	if d.store == nil {
		return []doctor.Finding{doctor.Bad(doctor.Unknown, "catalog", "", "without the database it is not known which catalogs there should be", "")}
	}
	if d.shared != nil {
		return d.fleetCatalogs(ctx)
	}
	for i := range d.attached {
		all = append(all, d.catalog(ctx, &d.attached[i]))
	}
	return all
}

func (d *Doctor) catalog(ctx context.Context, r *syncline.Repository) doctor.Finding {
	path := catalogfiles.FileOf(d.catalogFolder(), r.ID)
	if path == "" {
		return missingCatalog(r)
	}
	c, err := readCatalog(ctx, path)
	if errors.Is(err, catalog.ErrDamaged) { // perhaps written meanwhile
		c, err = readCatalog(ctx, path)
	}
	return judgeCatalog(r, c, err)
}

func missingCatalog(r *syncline.Repository) doctor.Finding {
	if r.Catalog.Catalog == "" {
		return doctor.Bad(doctor.Warning, "catalog", r.Name, "it has never been synchronized", "synchronize it")
	}
	return doctor.Bad(doctor.Failed, "catalog", r.Name, "its catalog is missing", "synchronize it; a missing folder of --catalogs is put back first")
}

// judgeCatalog compares what was read with the mark in the database.
func judgeCatalog(r *syncline.Repository, c readState, err error) doctor.Finding {
	const check = "catalog"
	switch {
	case errors.Is(err, catalog.ErrOutdated):
		return doctor.Bad(doctor.Warning, check, r.Name, "its catalog is of another version of Syncline", "the next start of the server builds it anew")
	case errors.Is(err, catalog.ErrMissing):
		return doctor.Bad(doctor.Warning, check, r.Name, "its catalog is empty", "synchronize it")
	case errors.Is(err, catalog.ErrDamaged):
		return doctor.Bad(doctor.Failed, check, r.Name, "its catalog is damaged", "synchronize it: the session builds it anew")
	case err != nil:
		return doctor.Fault(doctor.Failed, check, r.Name, err)
	case c.mark.Behind(r.Catalog):
		return doctor.Bad(doctor.Warning, check, r.Name, "its catalog is older than the last session", "synchronize it")
	case r.OutOfSync:
		return doctor.Bad(doctor.Warning, check, r.Name, "it is out of sync", "synchronize it, or see in the log of its last session why that failed")
	}
	return doctor.Good(check, r.Name, "in sync, %s, %s", countOf(c.snapshots, "snapshot", "snapshots"), diskspace.Size(c.size))
}

// readState is what a catalog says.
type readState struct {
	mark      syncline.CatalogMark
	snapshots int
	size      int64
}

func readCatalog(ctx context.Context, path string) (state readState, err error) {
	c, err := catalogfiles.OpenReadOnly(ctx, path)
	if err != nil {
		return state, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if state, err = readOpen(ctx, c); err != nil {
		return state, err
	}
	state.size = 0
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			state.size += info.Size()
		}
	}
	return state, nil
}

func readOpen(ctx context.Context, c *catalog.Catalog) (state readState, err error) {
	if state.size, err = c.Size(ctx); err != nil {
		return state, err
	}
	err = c.View(ctx, func(v *catalog.View) error {
		state.mark, _ = v.Mark()
		list, err := v.Snapshots()
		state.snapshots = len(list)
		return err
	})
	return state, err
}

// dates are the times that storages told, with the moment at which each came.
type dates struct {
	mu   sync.Mutex
	told map[string]time.Duration // how far the host's clock is ahead
	now  func() time.Time
}

func (d *dates) add(host string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told[host] = at.Sub(d.now())
}

// reach opens every repository with its password.
func (d *Doctor) reach(ctx context.Context) ([]doctor.Finding, *dates) {
	heard := &dates{told: make(map[string]time.Duration), now: d.Now}
	if d.Offline || d.store == nil {
		return nil, heard
	}
	ca, err := d.Settings.certificates()
	if err != nil {
		ca = nil // the settings tell
	}
	network := place.Network{CA: ca, DenyPrivate: d.Settings.DenyPrivate, OwnIdentities: d.Settings.OwnIdentities}
	remotes := rclone.NewAllowed(d.Settings.RcloneRemotes, slog.New(slog.DiscardHandler))
	defer remotes.Close()
	network.Remotes = remotes
	network.Client.Dated = heard.add
	at := &source{store: d.store, sealer: sealer{d.box}, places: &place.Opener{Kinds: kinds.All(), Network: network, Patience: reachTime}}
	all := make([]doctor.Finding, len(d.attached))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reachAtOnce)
	for i := range d.attached {
		group.Go(func() error {
			all[i] = d.patiently(ctx, at, d.attached[i])
			return nil
		})
	}
	_ = group.Wait() // no function of it fails
	return all, heard
}

// patiently gives up on a disk that does not answer: nothing ends a system call.
func (d *Doctor) patiently(ctx context.Context, at *source, r syncline.Repository) doctor.Finding {
	done := make(chan doctor.Finding, 1)
	go func() { done <- d.reachOne(ctx, at, r) }()
	late := time.NewTimer(2 * reachTime)
	defer late.Stop()
	select {
	case f := <-done:
		return f
	case <-late.C:
		return doctor.Bad(doctor.Failed, "repository", r.Name, "it did not answer in time", "check its disk or its network")
	}
}

func (d *Doctor) reachOne(ctx context.Context, at *source, r syncline.Repository) doctor.Finding {
	const check = "repository"
	if r.Path != "" && r.NodeID != "" && d.shared != nil && r.NodeID != d.node {
		return doctor.Good(check, r.Name, "it lies in a folder of another node; the doctor of that node looks at it")
	}
	if d.box == nil {
		return doctor.Bad(doctor.Unknown, check, r.Name, "without the key its password is not known", "")
	}
	var password []byte
	p, err := at.place(ctx, r)
	if err == nil {
		var sealed []byte
		if sealed, err = at.store.SealedPassword(ctx, r.EncryptionKeyID); err == nil {
			password, err = at.sealer.Open(r.EncryptionKeyID, sealed)
		}
	}
	if err != nil {
		return doctor.Fault(doctor.Failed, check, r.Name, err)
	}
	begun := time.Now()
	id, err := at.places.Check(ctx, p, string(password))
	switch {
	case err != nil:
		return doctor.Fault(doctor.Failed, check, r.Name, err)
	case r.ResticID != "" && id != r.ResticID:
		return doctor.Bad(doctor.Failed, check, r.Name, "another repository lies in its place", "put the right one back, or attach the other one by itself")
	}
	took := time.Since(begun).Round(time.Millisecond)
	within, cancel := context.WithTimeout(ctx, keptTime)
	defer cancel()
	if kept, err := at.places.Retention(within, p); err == nil {
		if text := place.DescribeRetention(kept); text != "" {
			return doctor.Good(check, r.Name, "opened with its password in %s; %s", took, text)
		}
	}
	return doctor.Good(check, r.Name, "opened with its password in %s", took)
}

// clock compares this machine's clock with the file system's and the storages'.
func (d *Doctor) clock(heard *dates) doctor.Finding {
	const check = "clock"
	if at, err := fileTime(d.data); err == nil {
		heard.add("the file system of the data directory", at)
	}
	hosts := slices.Sorted(maps.Keys(heard.told))
	if len(hosts) == 0 {
		return doctor.Bad(doctor.Unknown, check, "", "nothing else told the time", "")
	}
	now := d.Now()
	var far []string
	for _, host := range hosts {
		if difference, is := doctor.Clock(now.Add(heard.told[host]), now); is {
			far = append(far, fmt.Sprintf("%s by %s", host, difference))
		}
	}
	if len(far) > 0 {
		return doctor.Bad(doctor.Warning, check, "", "this machine's clock differs from "+strings.Join(far, ", "), "set it, for example with NTP: tokens, certificates and requests to storages depend on it")
	}
	return doctor.Good(check, "", "agrees with %s", strings.Join(hosts, ", "))
}

// fileTime returns the time that the file system of a folder gives to a new file.
func fileTime(folder string) (time.Time, error) {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return time.Time{}, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
