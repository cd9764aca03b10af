package server

import (
	"log/slog"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/store"
)

// Options say how a server runs.
type Options struct {
	// Data is the data directory; Catalogs the folder for the catalogs, "" for
	// one in Data.
	Data     string
	Catalogs string

	// SecretKeyFile names the file with the key that seals secrets; "" is for
	// secret.key in Data, which the first start makes.
	SecretKeyFile string

	// CatalogReserve is the free space in bytes that catalogs leave on their disk;
	// below zero it is a share of the disk.
	CatalogReserve int64

	// KeepNumber and KeepAge bound the histories; 0 means no bound.
	KeepNumber int
	KeepAge    time.Duration

	// Listen is HOST:PORT. CertFile and KeyFile name the certificate and its key;
	// without them the server makes a self-signed one.
	Listen            string
	CertFile, KeyFile string

	// FirstPassword returns the administrator's password when there is no user.
	FirstPassword func() (FirstPassword, error)
	Logger        *slog.Logger
	Version       string // of the program

	// CA holds certificates in PEM to trust in object storage beside the system's.
	// DenyPrivate refuses object storage in private networks.
	CA          []byte
	DenyPrivate bool

	// RestoreRoots are the folders that restores may write into. With Privileged,
	// restores bring back set-id bits, security and trusted attributes, and device
	// nodes.
	RestoreRoots []syncline.RestoreTarget
	Privileged   bool
	// KeepFree returns the free space that restores leave on a disk of total
	// bytes; nil for no check.
	KeepFree func(total int64) int64

	// MetricsListen is HOST:PORT for monitoring over plain HTTP, "" for none.
	// MetricsTokenFile names a file with a token that opens the metrics at Listen, ""
	// for none.
	MetricsListen, MetricsTokenFile string
	metricsToken                    secret.String // in the file

	Proxies peer.Proxies
	// Ready is called when the server answers. An error of it ends the server.
	Ready func(*Server) error
}

// keep returns the bound of the ended work of a kind: the newest sessions of each
// repository, and the newest of all other work.
func (o *Options) keep(kind syncline.WorkKind) func(now time.Time) store.Keep {
	return func(now time.Time) store.Keep {
		k := store.Keep{Kind: kind, Newest: o.KeepNumber, PerRepository: kind == syncline.WorkSynchronize}
		if o.KeepAge > 0 {
			k.Since = now.Add(-o.KeepAge)
		}
		return k
	}
}
