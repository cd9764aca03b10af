package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/oserr"
)

const (
	msgCannotOpen = "the server's database cannot be opened for writing; check that the data directory exists and that the server's user may write in it"
	msgFull       = "the disk that holds the server's database is full; free some space and try again"
	msgBusy       = "another process is holding the server's database; try again in a moment"
	msgNoDatabase = "the file in the place of the server's database is no database; move it away, or put a backup of it in its place"
	msgDamaged    = "the server's database is damaged; put a backup of the data directory in its place"
	msgDisk       = "reading or writing the server's database failed; check the disk and its free space"
	msgMemory     = "the server ran out of memory while it used its database; try again"
	msgClosed     = "the server's database is closed, because the server is stopping"
)

// msgNoHandles is for a process that has too many files open.
var msgNoHandles = "the server's database cannot be opened; " + oserr.Advice(syscall.EMFILE, "")

// errClosed is what every call gets after Close.
var errClosed = &syncline.Error{Code: syncline.CodeUnavailable, Message: msgClosed}

// translate turns what database/sql and the driver return into a
// *syncline.Error, by SQLite's result code. doing names the step, for the log.
func translate(err error, doing string) error {
	var domain *syncline.Error
	if err == nil || errors.As(err, &domain) {
		return err
	}
	cause := fmt.Errorf("%s: %w", doing, err)
	if isFull(err) {
		cause = errors.Join(errRoom, cause)
	}
	code, message := classify(err)
	return &syncline.Error{Code: code, Message: message, Err: cause}
}

// errRoom matches every error that means that the disk is full.
var errRoom = errors.New("no room on the disk")

// isFull reports whether err says that the disk is full.
func isFull(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return errors.Is(err, syscall.ENOSPC)
	}
	return e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE
}

func classify(err error) (syncline.Code, string) {
	switch {
	case errors.Is(err, context.Canceled):
		return syncline.CodeCanceled, "the operation was canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return syncline.CodeUnavailable, "the server's database did not answer in time; try again"
	case errors.Is(err, syscall.ENOSPC):
		return syncline.CodeUnavailable, msgFull
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone):
		return syncline.CodeUnavailable, msgClosed
	case oserr.NoHandles(err):
		return syncline.CodeUnavailable, msgNoHandles
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return syncline.CodeUnavailable, msgCannotOpen
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return syncline.CodeInternal, ""
	}
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		return syncline.CodeUnavailable, msgFull
	}
	switch e.Code() & 0xff { // the low byte is the kind, the rest its variant
	case sqlite3.SQLITE_CANTOPEN:
		if oserr.NoHandlesNow() {
			return syncline.CodeUnavailable, msgNoHandles
		}
		return syncline.CodeUnavailable, msgCannotOpen
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return syncline.CodeUnavailable, msgCannotOpen
	case sqlite3.SQLITE_FULL:
		return syncline.CodeUnavailable, msgFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return syncline.CodeUnavailable, msgBusy
	case sqlite3.SQLITE_NOTADB:
		return syncline.CodeUnavailable, msgNoDatabase
	case sqlite3.SQLITE_CORRUPT:
		return syncline.CodeUnavailable, msgDamaged
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOLFS:
		return syncline.CodeUnavailable, msgDisk
	case sqlite3.SQLITE_NOMEM:
		return syncline.CodeUnavailable, msgMemory
	case sqlite3.SQLITE_INTERRUPT:
		return syncline.CodeCanceled, "the operation was canceled"
	case sqlite3.SQLITE_TOOBIG:
		return syncline.CodeTooLarge, "the value is too large for the server's database; send a smaller one"
	}
	return syncline.CodeInternal, ""
}

// isTaken reports whether err says that a unique value exists already.
func isTaken(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// isDangling reports whether err says that a row would refer to a row that does
// not exist.
func isDangling(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}
