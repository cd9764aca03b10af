package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/doctor"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
	fleetstores "syncline.dev/syncline/internal/store/postgres"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// Doctor looks at a server's data directory and at what the server needs. It works
// beside a running server and changes nothing: the database and the catalogs are
// opened for reading.
type Doctor struct {
	Settings Settings
	Faults   []error // that the settings have
	Offline  bool    // reaches no repository
	Now      func() time.Time

	data     string
	node     syncline.ID        // of a fleet, "" for none
	store    doctorStore        // nil if it cannot be used
	shared   *fleetstores.Store // the same in PostgreSQL, nil for SQLite
	box      *secret.Box        // nil likewise
	attached []syncline.Repository
}

// doctorStore is the state, open for reading.
type doctorStore interface {
	store.Store
	SealedSecrets(ctx context.Context) ([]store.SealedSecret, error)
}

// Run makes all checks. Its findings are in the order of the list in docs/doctor.md.
func (d *Doctor) Run(ctx context.Context) (all []doctor.Finding, err error) {
	if d.data, err = d.Settings.dataDir(); err != nil {
		return nil, err
	}
	all = d.settings()
	url, err := d.Settings.databaseURL()
	if err != nil {
		return all, nil // the settings tell
	}
	look, database := d.directory, d.database
	if !url.IsEmpty() {
		look = d.nodeDirectory
		database = func(ctx context.Context) []doctor.Finding { return d.fleet(ctx, url) }
	}
	found, there := look()
	if all = append(all, found...); !there {
		return all, nil
	}
	all = append(all, d.running())
	all = append(all, database(ctx)...)
	if d.store != nil {
		defer func() { err = errors.Join(err, d.store.Close()) }()
	}
	all = append(all, d.keys(ctx)...)
	all = append(all, d.channels(ctx)...)
	all = append(all, d.catalogs(ctx)...)
	all = append(all, d.disks()...)
	all = append(all, d.certificate())
	found, dates := d.reach(ctx)
	all = append(all, d.clock(dates))
	return append(all, found...), ctx.Err()
}

func (d *Doctor) settings() []doctor.Finding {
	if len(d.Faults) == 0 {
		return []doctor.Finding{doctor.Good("settings", "", "no mistakes")}
	}
	var all []doctor.Finding
	for _, fault := range d.Faults {
		all = append(all, doctor.Fault(doctor.Failed, "settings", "", fault))
	}
	return all
}

// directory looks at the data directory. there is false if it has no server's data.
func (d *Doctor) directory() (all []doctor.Finding, there bool) {
	const check = "directory"
	if _, err := existingData(d.data); err != nil {
		if left, lost := leftOf(d.data); lost == nil && left != "" {
			return []doctor.Finding{doctor.Bad(doctor.Failed, check, d.data, "it holds "+left+", and its database syncline.db is missing",
				"run syncline restore-state with a copy of backup-state")}, false
		}
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, d.data, err)}, false
	}
	err := checkPrivate("data directory", d.data)
	if err == nil {
		err = checkFiles(d.data)
	}
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, d.data, err)}, true
	}
	return []doctor.Finding{doctor.Good(check, d.data, "only the server's user can write to it")}, true
}

// running tells whether a server uses the directory. It holds the lock for a moment;
// a start waits longer than that for it.
func (d *Doctor) running() doctor.Finding {
	path := filepath.Join(d.data, lockFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return doctor.Good("server", "", "no server runs")
	}
	l := flock.New(path, flock.SetFlag(os.O_RDWR))
	free, err := l.TryLock()
	if err == nil && free {
		err = l.Unlock()
	}
	switch {
	case err != nil:
		return doctor.Bad(doctor.Unknown, "server", "", "the lock of the data directory cannot be read", "check the rights of "+path)
	case free:
		return doctor.Good("server", "", "no server runs")
	}
	return doctor.Good("server", "", "a server uses the data directory")
}

// maxLog is the size of the write-ahead log from which on something holds it up.
const maxLog = 256 << 20

func (d *Doctor) database(ctx context.Context) (all []doctor.Finding) {
	const check = "database"
	path := filepath.Join(d.data, databaseFile)
	if incomplete, err := stores.Incomplete(path); err == nil && incomplete {
		all = append(all, doctor.Bad(doctor.Warning, check, "", MsgIncomplete, ""))
	}
	store, err := stores.OpenReadOnly(ctx, path)
	if err != nil {
		return append(all, doctor.Fault(doctor.Failed, check, "", err))
	}
	version, latest := store.Version()
	problems, err := store.Check(ctx)
	if err == nil && len(problems) > 0 {
		err = syncline.Errorf(syncline.CodeDamaged, "the database is damaged (%s); stop the server and restore a copy of backup-state", strings.Join(problems, "; "))
	}
	if err == nil && version == latest {
		d.attached, err = store.Repositories(ctx)
	}
	switch file, log := store.Size(); {
	case err != nil:
		return append(all, doctor.Fault(doctor.Failed, check, "", errors.Join(err, store.Close())))
	case version < latest:
		all = append(all, doctor.Bad(doctor.Warning, check, "",
			fmt.Sprintf("it is whole, and of an older program (schema %d, this program has %d)", version, latest), "the start of this program's server brings it up to date; the other checks need that"))
		if err := store.Close(); err != nil {
			all = append(all, doctor.Fault(doctor.Failed, check, "", err))
		}
		return all
	case log > maxLog:
		all = append(all, doctor.Bad(doctor.Warning, check, "", fmt.Sprintf("its write-ahead log has grown to %s", diskspace.Size(log)),
			"look for a program that holds syncline.db open, and restart the server"))
	default:
		all = append(all, doctor.Good(check, "", "whole, %s, schema %d, %s, %s of it in the log",
			countOf(len(d.attached), "repository", "repositories"), version, diskspace.Size(file+log), diskspace.Size(log)))
	}
	d.store = store
	return all
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// keys looks at the key and opens every sealed secret with it.
func (d *Doctor) keys(ctx context.Context) []doctor.Finding {
	const check = "key"
	box, err := keyIn(d.Settings.SecretKeyFile)(d.data, false)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, "", err)}
	}
	d.box = box
	if d.store == nil {
		return []doctor.Finding{doctor.Bad(doctor.Unknown, check, "", "the key is there; without the database it is not known what it opens", "")}
	}
	secrets, err := d.store.SealedSecrets(ctx)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, check, "", err)}
	}
	var closed []doctor.Finding
	for _, x := range secrets {
		if _, err := box.Open(x.Sealed, string(x.ID)); err != nil {
			closed = append(closed, doctor.Fault(doctor.Failed, check, d.usersOf(x.Table, x.ID), err))
		}
	}
	if len(closed) == 0 {
		closed = []doctor.Finding{doctor.Good(check, "", "opens %s", countOf(len(secrets), "stored secret", "stored secrets"))}
	}
	if d.shared != nil {
		closed = append(closed, d.fleetKey(ctx))
	}
	return closed
}

// usersOf names a secret by the repositories that need it, or by its record.
func (d *Doctor) usersOf(table string, id syncline.ID) string {
	var names []string
	for i := range d.attached {
		if d.attached[i].EncryptionKeyID == id {
			names = append(names, d.attached[i].Name)
		}
	}
	if len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return strings.ReplaceAll(table, "_", " ") + " " + string(id)
}

// channels looks for channels of notifications that hear of nothing.
func (d *Doctor) channels(ctx context.Context) (all []doctor.Finding) {
	if d.store == nil {
		return nil // which the check of the database tells
	}
	list, err := d.store.Channels(ctx)
	if err != nil {
		return []doctor.Finding{doctor.Fault(doctor.Failed, "channel", "", err)}
	}
	for i := range list {
		if c := &list[i]; c.Enabled && c.Kind != syncline.ChannelHeartbeat {
			_, mute := c.Detached(d.attached)
			all = append(all, doctor.Channel(c.Name, mute))
		}
	}
	return all
}

// disks compares the free space with the reserves.
func (d *Doctor) disks() (all []doctor.Finding) {
	const check = "disk"
	room := func(purpose, folder string, keep func(total int64) int64, low string) {
		space, err := diskspace.Of(folder)
		subject := folder + " (" + purpose + ")"
		switch {
		case errors.Is(err, fs.ErrNotExist):
			all = append(all, doctor.Bad(doctor.Failed, check, subject, "the folder is missing", "make it, or put it back"))
			return
		case err != nil:
			all = append(all, doctor.Bad(doctor.Unknown, check, subject, "the system does not tell how much space is free", ""))
			return
		}
		least := keep(space.Total)
		message := fmt.Sprintf("%s free, %s kept free", diskspace.Size(space.Free), diskspace.Size(least))
		switch {
		case space.Free < least:
			all = append(all, doctor.Bad(doctor.Failed, check, subject, message, low))
		case space.Free < 2*least:
			all = append(all, doctor.Bad(doctor.Warning, check, subject, message, "make room soon"))
		default:
			all = append(all, doctor.Good(check, subject, "%s", message))
		}
	}
	room("data", d.data, func(int64) int64 { return 4 * diskspace.BallastSize }, "make room: the server's database cannot grow")
	if reserve, err := d.Settings.catalogReserve(); err == nil {
		keep := func(total int64) int64 {
			if reserve < 0 {
				return diskspace.DefaultReserve(total)
			}
			return reserve
		}
		if folder := d.catalogFolder(); folder != "" {
			room("catalogs", folder, keep, "make room, or put the catalogs on another disk with --catalogs: synchronizations fail")
		}
	}
	keep, err := d.Settings.minFree()
	roots, rootsErr := d.Settings.restoreRoots()
	if err != nil || rootsErr != nil {
		return all // the settings tell
	}
	if keep == nil {
		keep = func(int64) int64 { return 0 }
	}
	for _, r := range roots {
		room("restores", r.Path, keep, "make room: restores into this folder are refused")
	}
	return all
}

func (d *Doctor) certificate() doctor.Finding {
	const check = "certificate"
	if d.Settings.CertFile != "" {
		cert, err := api.LoadCertificate(d.Settings.CertFile, d.Settings.KeyFile)
		if err != nil {
			return doctor.Fault(doctor.Failed, check, d.Settings.CertFile, err)
		}
		return doctor.Certificate(d.Settings.CertFile, cert.Leaf.NotAfter, d.Now(), "replace it and send the server SIGHUP")
	}
	file := filepath.Join(d.data, certificateFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return doctor.Good(check, "self-signed", "there is none; the next start makes it")
	}
	cert, err := api.LoadCertificate(file, file)
	if err != nil {
		return doctor.Fault(doctor.Failed, check, file, err)
	}
	return doctor.Certificate("self-signed", cert.Leaf.NotAfter, d.Now(), "a start after that time makes a new one; clients that trust its fingerprint have to trust the new one")
}
