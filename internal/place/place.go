// Package place says where repositories lie, and opens them. It knows the
// contract of a kind of storage. Package kinds has the kinds.
package place

import (
	"fmt"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/resticrepo"
)

// Place is the place of a repository and the access to it. It is a folder of
// this machine, or object storage if Path is empty.
type Place struct {
	Path    string
	Storage syncline.ObjectStorage
	Access  Access
}

// Access opens a place: an account with its secrets, or the credentials of a
// command's user. Those that stand in the address of a command are in the account, too.
type Access struct {
	Account syncline.Account
	Secrets map[string]secret.String // by the names of the account's method
	// User is set for a command alone. A server takes nothing from the
	// environment that it runs in.
	User *User
}

// User has the settings of a command's user for a place.
type User struct {
	Getenv  func(string) string
	Options Options // extended options of the place's kind
	// Say shows the user a line of a program that is run to reach the storage. The line
	// is not trusted. Nil shows nothing.
	Say func(line string)
	// Connections bounds the requests at once, BytesPerSecond the reading from
	// storage that is not local, and Tries how often a request is made. 0
	// stands for the default.
	Connections    int
	BytesPerSecond int
	Tries          int
}

// Opened is an opened repository.
type Opened struct {
	Repository *resticrepo.Repository // reads through Counter
	Counter    *storage.Counter
	// Streams is how many packs are best read at once; 0 for one a core.
	Streams int
	// MaxRead bounds the bytes of one request for parts of a pack; 0 for no
	// bound.
	MaxRead int64
	// Close releases the storage.
	Close func() error
}

// Key returns a text that is the same for the same stored place. It holds no
// secret.
func (p Place) Key() string {
	if p.Path != "" {
		return p.Path
	}
	s, a := p.Storage, p.Access.Account
	return fmt.Sprintf("%q %q %q %q %q %q %q %q", s.Kind, s.Cloud, s.Endpoint, a.UserName, s.Bucket, s.Folder, a.Settings, s.Settings)
}
