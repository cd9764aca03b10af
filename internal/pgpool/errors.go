package pgpool

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"syncline.dev/syncline"
)

const (
	msgUnreachable = "the fleet's database cannot be reached; check that PostgreSQL runs, and that the network lets this node through"
	msgFull        = "the fleet's database has no connections left; raise its max_connections, or lower pool_max_conns in the address of the database"
	msgStandby     = "the fleet's database can only be read, as a standby can; name the primary in the address of the database, or all servers with target_session_attrs=read-write"
	msgStopping    = "the fleet's database is stopping or starting; try again in a moment"
	msgRefused     = "the fleet's database refuses this node; check the user, the password file and pg_hba.conf"
	msgSetting     = "the fleet's database takes no setting of this node; check options, search_path and timezone in the address of the database, and PGOPTIONS and PGTZ"
	msgCertificate = "the certificate of the fleet's database is not trusted; name its authority with sslrootcert in the address, and the server as its certificate does"
	msgNoDatabase  = "the database that the address names does not exist; create it"
	msgRights      = "the user of the fleet's database lacks a right; make it the owner of the schema syncline"
	msgNoTables    = "the fleet's database lacks tables of Syncline; put a backup of the whole database in its place"
	msgDisk        = "the disk of the fleet's database is full; free some space there and try again"
	msgMemory      = "the fleet's database ran out of memory; try again"
	msgDamaged     = "the fleet's database is damaged; put a backup in its place"
	msgSlow        = "the fleet's database did not answer in time; try again"
	msgBusy        = "others changed the same records at the same time; try again"
	msgTooLarge    = "the value is too large for the fleet's database; send a smaller one"
	msgOpen        = "the connection to the fleet's database broke while a change was written, so it may be written or not; look before you try again"
	msgClosed      = "the fleet's database is closed, because the server is stopping"
)

var errClosed = &syncline.Error{Code: syncline.CodeUnavailable, Message: msgClosed}

// errOpen matches the errors of changes whose outcome is not known.
var errOpen = errors.New("the outcome of the change is not known")

// Translate turns an error of the driver into a *syncline.Error, by SQLSTATE or by kind.
// doing names the step, for the log. Messages name no host and no user.
func (p *Pool) Translate(err error, doing string) error {
	var domain *syncline.Error
	if err == nil || errors.As(err, &domain) {
		return err
	}
	if closed := p.Closed(); closed != nil {
		return closed
	}
	code, message := classify(err)
	return &syncline.Error{Code: code, Message: message, Err: fmt.Errorf("%s: %w", doing, err)}
}

// ErrLasting matches errors of which a caller knows that waiting does not help.
var ErrLasting = errors.New("waiting does not help")

// lasting are the SQLSTATEs, and their first two characters, that stay until somebody
// changes the address, the database or its settings.
var lasting = []string{"28", "3D", "3F", "42", "22023"}

// Lasts reports whether an error stays until somebody changes something: a wrong password,
// a missing right, another program's schema, a certificate that is not trusted. A server
// that is away, starts, is full or is a standby may serve in a moment.
func Lasts(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	s := state(err)
	return errors.Is(err, ErrLasting) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		slices.ContainsFunc(lasting, func(l string) bool { return strings.HasPrefix(s, l) })
}

// byState has the SQLSTATEs, and their first two characters, that say more than that
// something is wrong in the program.
var byState = map[string]struct {
	code    syncline.Code
	message string
}{
	"08":    {syncline.CodeUnavailable, msgUnreachable},
	"53300": {syncline.CodeUnavailable, msgFull},
	"25006": {syncline.CodeUnavailable, msgStandby},
	"25P03": {syncline.CodeUnavailable, msgSlow}, // idle in a transaction
	"57P":   {syncline.CodeUnavailable, msgStopping},
	"28":    {syncline.CodeUnavailable, msgRefused},
	"3D000": {syncline.CodeUnavailable, msgNoDatabase},
	"42501": {syncline.CodeUnavailable, msgRights},
	"3F000": {syncline.CodeUnavailable, msgNoTables},
	"42P01": {syncline.CodeUnavailable, msgNoTables},
	"53100": {syncline.CodeUnavailable, msgDisk},
	"53200": {syncline.CodeUnavailable, msgMemory},
	"53":    {syncline.CodeUnavailable, msgFull},
	"55P03": {syncline.CodeUnavailable, msgBusy},
	"40":    {syncline.CodeUnavailable, msgBusy},
	"54":    {syncline.CodeTooLarge, msgTooLarge},
	"57014": {syncline.CodeUnavailable, msgSlow},
	"58":    {syncline.CodeUnavailable, msgDamaged},
	"XX001": {syncline.CodeUnavailable, msgDamaged},
	"XX002": {syncline.CodeUnavailable, msgDamaged},
}

func classify(err error) (syncline.Code, string) {
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &connect) && Lasts(err) && !slices.ContainsFunc([]string{"28", "3D", "42501"}, func(l string) bool { return strings.HasPrefix(state(err), l) }):
		if state(err) == "" {
			return syncline.CodeUnavailable, msgCertificate
		}
		return syncline.CodeUnavailable, msgSetting
	case errors.Is(err, errOpen):
		return syncline.CodeUnavailable, msgOpen
	case errors.Is(err, context.Canceled):
		return syncline.CodeCanceled, "the operation was canceled"
	}
	if s := state(err); s != "" {
		for _, n := range []int{5, 3, 2} {
			if known, ok := byState[s[:min(n, len(s))]]; ok {
				return known.code, known.message
			}
		}
		return syncline.CodeInternal, ""
	}
	switch {
	case IsLost(err), errors.Is(err, errUndone):
		return syncline.CodeUnavailable, msgUnreachable
	case errors.Is(err, context.DeadlineExceeded):
		return syncline.CodeUnavailable, msgSlow
	}
	return syncline.CodeInternal, ""
}

// IsLost reports whether err says that there is no connection, or that it broke.
func IsLost(err error) bool {
	switch s := state(err); {
	case s == "57P01", s == "57P02", s == "57P03", len(s) == 5 && s[:2] == "08":
		return true
	case s != "":
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err)
}

// isPassing reports whether a transaction that failed may well succeed when it runs
// again: others were in its way, or its connection broke.
func isPassing(err error) bool {
	s := state(err)
	return s == "40001" || s == "40P01" || errors.Is(err, errUndone) || IsLost(err)
}

func asError[T error](err error, to *T) bool { return errors.As(err, to) }

// ErrOnlyRead says that the database takes no writes.
var ErrOnlyRead = syncline.Errorf(syncline.CodeUnavailable, "%s", msgStandby)
