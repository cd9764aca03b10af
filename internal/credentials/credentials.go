// Package credentials keeps the tokens and the trusted certificates that a user of
// the command line has of servers.
package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// Store holds the user's tokens and trusted certificates, in a folder of the user's
// configuration that nobody else can read:
//
//	servers.json   tokens and trusted certificates, by the server's address
//	servers.lock   held by the process that changes it
//
// A refresh token works once. So a process that renews a token holds the lock
// while it reads the file, renews the token and writes the file.
type Store struct {
	dir string
}

// Record is one server in the file.
type Record struct {
	Token client.Token `json:"token"`
	// The login sets Fingerprint or Certificates to the trust that it was given.
	Fingerprint  string `json:"fingerprint,omitempty"`
	Certificates string `json:"certificates,omitempty"` // PEM
}

type records struct {
	Servers map[string]Record `json:"servers"`
}

// OfUser returns the store of the user who runs the program.
func OfUser() (*Store, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "there is no configuration folder to keep tokens in (%v); set XDG_CONFIG_HOME or HOME", err)
	}
	return &Store{filepath.Join(dir, "syncline")}, nil
}

// Record returns the record of a server; the zero value when there is none.
func (c *Store) Record(server string) (Record, error) {
	all, err := c.read()
	return all.Servers[server], err
}

func (c *Store) read() (all records, err error) {
	path := filepath.Join(c.dir, "servers.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return all, syncline.WrapError(syncline.CodeUnavailable, err, "%s cannot be read (%v); remove it and sign in again with syncline login", path, err)
	}
	return all, nil
}

// lockRetry is how often a lock that another process holds is tried.
const lockRetry = 100 * time.Millisecond

// Update changes the record of a server. When change returns an error, the file
// stays as it is.
func (c *Store) Update(ctx context.Context, server string, change func(Record) (Record, error)) (err error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return c.failed(err)
	}
	lock := flock.New(filepath.Join(c.dir, "servers.lock"), flock.SetPermissions(0o600))
	defer func() { err = errors.Join(err, lock.Close()) }()
	if ok, err := lock.TryLockContext(ctx, lockRetry); err != nil || !ok {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.failed(err)
	}
	all, err := c.read()
	if err != nil {
		return err
	}
	now, err := change(all.Servers[server])
	switch {
	case err != nil || now == all.Servers[server]:
		return err
	case now == Record{}:
		delete(all.Servers, server)
	case all.Servers == nil:
		all.Servers = map[string]Record{server: now}
	default:
		all.Servers[server] = now
	}
	return c.write(all)
}

// write replaces the file as a whole. So a reader never sees a part of it, also
// after a crash.
func (c *Store) write(all records) error {
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, "servers-*") // mode 0600
	if err != nil {
		return c.failed(err)
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(c.dir, "servers.json"))
	}
	if err != nil {
		return c.failed(errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func (c *Store) failed(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the configuration folder %s cannot be used (%v)", c.dir, err)
}

// Tokens returns what keeps one server's token.
func (c *Store) Tokens(server string) client.TokenStore { return tokenFile{c, server} }

// tokenFile keeps one server's token.
type tokenFile struct {
	*Store
	server string
}

// Update implements client.TokenStore.
func (t tokenFile) Update(ctx context.Context, change func(client.Token) (client.Token, error)) (token client.Token, err error) {
	err = t.Store.Update(ctx, t.server, func(r Record) (Record, error) {
		token, err = change(r.Token)
		r.Token = token
		return r, err
	})
	return token, err
}
