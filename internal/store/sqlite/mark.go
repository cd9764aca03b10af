package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"syncline.dev/syncline"
)

// The file of the database alone is complete only while nobody has it open: the newest
// changes lie in the write-ahead log, syncline.db-wal. SQLite's own mark in the file's
// head says which of the two it is:
//
//	head         log      the database
//	rollback     -        is at rest and complete: Close has moved the log into it
//	write-ahead  there    is open, or its program has crashed; complete with the log
//	write-ahead  missing  is a copy of the file alone, and may lack the newest changes
//
// Every opening sets the mark to write-ahead, and the last one that closes sets it back
// to rollback. A Close that cannot, on a full disk or beside another process, leaves an
// empty log, which says the same as no changes. Programs before schema version
// markedSince left the mark at write-ahead when they closed, so it says nothing about
// their files.
//
// An opening that finds the third state writes the file syncline.db-incomplete. The
// state stays known until somebody removes that file.
const markedSince = 8

const (
	incompleteSuffix = "-incomplete"
	logSuffix        = "-wal"
)

// MsgIncomplete says that the database may lack changes, and what to do.
const MsgIncomplete = "the database may lack its newest changes: syncline.db was marked as in use and its write-ahead log (syncline.db-wal) was missing, as in a copy of the file alone; " +
	"compare repositories, accounts and users with what there should be, or restore a copy of backup-state; then remove the file syncline.db-incomplete from the data directory"

// head is what the first page of a database says about it.
type head struct {
	ours    bool
	version int64 // of the schema
	log     bool  // marked as used with a write-ahead log
}

// readHead reads the head of the file at path. A file that is no database of ours has
// the zero head.
func readHead(path string) (h head, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	var b [100]byte // SQLite's header, at documented offsets
	if _, err := io.ReadFull(f, b[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return h, nil
	} else if err != nil {
		return h, err
	}
	if string(b[:16]) != "SQLite format 3\x00" || binary.BigEndian.Uint32(b[68:]) != applicationID {
		return h, nil
	}
	return head{ours: true, version: int64(binary.BigEndian.Uint32(b[60:])), log: b[18] == 2 || b[19] == 2}, nil
}

// logIsMissing reports whether the database at path is a file whose write-ahead log
// is missing.
func logIsMissing(path string) (bool, error) {
	h, err := readHead(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !h.ours || !h.log || h.version < markedSince {
		return false, err
	}
	_, err = os.Stat(path + logSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// Incomplete reports whether the database at path may lack its newest changes.
func Incomplete(path string) (bool, error) {
	if _, err := os.Stat(path + incompleteSuffix); err == nil {
		return true, nil
	}
	missing, err := logIsMissing(path)
	if err != nil {
		return false, syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	return missing, nil
}

// MarkIncomplete records that the database at path may lack its newest changes, until
// somebody removes the record.
func MarkIncomplete(path string) error {
	f, err := os.OpenFile(path+incompleteSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// An empty file says it as well, so a full disk does no harm.
	_, _ = fmt.Fprintf(f, "%s\n", MsgIncomplete)
	return f.Close()
}

// noteMissingLog looks for the log before SQLite makes a new one. It returns whether
// the database may lack changes.
func noteMissingLog(path string) (bool, error) {
	missing, err := logIsMissing(path)
	if err != nil || !missing {
		return false, err
	}
	// A folder that cannot be written fails the opening later, with its own message.
	_ = MarkIncomplete(path)
	return true, nil
}

// Incomplete reports whether the database may lack its newest changes, because it is
// a copy of a file whose write-ahead log is missing.
func (s *Store) Incomplete() bool {
	_, err := os.Stat(s.path + incompleteSuffix)
	return err == nil
}

const (
	// switchTime bounds the wait for others to let the mark be set. A copy of the
	// state in a database at rest holds it up.
	switchTime = 30 * time.Second
	switchWait = 20 * time.Millisecond
)

// useLog sets the mark to write-ahead. SQLite gives up at once when two processes do
// so at the same time, and the busy time does not count there.
func useLog(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, switchTime)
	defer cancel()
	for {
		var mode string
		err := db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return syncline.Errorf(syncline.CodeUnavailable,
				"the file system of the data directory cannot hold the server's database; use a local disk")
		case !isBusy(err):
			return translate(err, "turn the write-ahead log on")
		}
		wait := time.NewTimer(switchWait)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return translate(err, "turn the write-ahead log on")
		}
	}
}

// settle moves a new schema into the file, so that the mark in a copy of it can be
// judged.
func settle(ctx context.Context, db *sql.DB) {
	// A later checkpoint does the same, so a failure costs the mark some time only.
	_, _ = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
}

// rest moves the log into the database and sets the mark to rollback, unless another
// process uses the database or the disk is full.
func rest(db *sql.DB) {
	var mode string
	// A failure leaves the mark, and keepLog says the rest.
	_ = db.QueryRowContext(context.Background(), `PRAGMA journal_mode = DELETE`).Scan(&mode)
}

// keepLog leaves an empty log beside a closed database that is marked as in use.
func keepLog(path string) {
	if missing, err := logIsMissing(path); err != nil || !missing {
		return
	}
	// Without the file the next opening warns, and warns without need.
	f, err := os.OpenFile(path+logSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		f.Close()
	}
}

// isBusy reports whether another connection is in the way.
func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
