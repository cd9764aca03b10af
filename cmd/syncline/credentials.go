package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// credentials are the user's tokens and trusted certificates, in a folder of the
// user's configuration that nobody else can read:
//
//	servers.json   tokens and trusted certificates, by the server's address
//	servers.lock   held by the process that changes it
//
// A refresh token works once. So a process that renews a token holds the lock
// while it reads the file, renews the token and writes the file.
type credentials struct {
	dir string
}

// serverRecord is one server in the file.
type serverRecord struct {
	Token client.Token `json:"token"`
	// The login sets Fingerprint or Certificates to the trust that it was given.
	Fingerprint  string `json:"fingerprint,omitempty"`
	Certificates string `json:"certificates,omitempty"` // PEM
}

type serverRecords struct {
	Servers map[string]serverRecord `json:"servers"`
}

func userCredentials() (*credentials, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "there is no configuration folder to keep tokens in (%v); set XDG_CONFIG_HOME or HOME", err)
	}
	return &credentials{filepath.Join(dir, "syncline")}, nil
}

// record returns the record of a server; the zero value when there is none.
func (c *credentials) record(server string) (serverRecord, error) {
	all, err := c.read()
	return all.Servers[server], err
}

func (c *credentials) read() (all serverRecords, err error) {
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

// update changes the record of a server. When change returns an error, the file
// stays as it is.
func (c *credentials) update(ctx context.Context, server string, change func(serverRecord) (serverRecord, error)) (err error) {
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
	case now == serverRecord{}:
		delete(all.Servers, server)
	case all.Servers == nil:
		all.Servers = map[string]serverRecord{server: now}
	default:
		all.Servers[server] = now
	}
	return c.write(all)
}

// write replaces the file as a whole. So a reader never sees a part of it, also
// after a crash.
func (c *credentials) write(all serverRecords) error {
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

func (c *credentials) failed(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the configuration folder %s cannot be used (%v)", c.dir, err)
}

// tokenFile keeps one server's token there.
type tokenFile struct {
	*credentials
	server string
}

// Update implements client.TokenStore.
func (t tokenFile) Update(ctx context.Context, change func(client.Token) (client.Token, error)) (token client.Token, err error) {
	err = t.update(ctx, t.server, func(r serverRecord) (serverRecord, error) {
		token, err = change(r.Token)
		r.Token = token
		return r, err
	})
	return token, err
}
