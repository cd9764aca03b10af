package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/secret"
)

// doorFile is the file in the data directory that lets the directory's owner in. Only
// the owner reads it, and who owns the directory is administrator anyway.
const doorFile = "local-access.json"

// doorName is the name under which the owner of the data directory acts.
const doorName = "local administrator"

// Door is the way from a data directory to the server that runs on it.
type Door struct {
	URL         string        // of the server, at this machine
	Fingerprint string        // of its certificate
	Token       secret.String // it ends with the server
}

// doorJSON is the form of the file.
type doorJSON struct {
	URL         string `json:"url"`
	Fingerprint string `json:"fingerprint"`
	Token       string `json:"token"`
}

// FindDoor reads the way to the server that runs on a data directory; "" is the default
// one.
func FindDoor(path string) (Door, error) {
	if path == "" {
		var err error
		if path, err = DefaultDataDir(); err != nil {
			return Door{}, err
		}
	}
	data, err := os.ReadFile(filepath.Join(path, doorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Door{}, syncline.WrapError(syncline.CodeNotFound, err, "no server runs on the data directory %s; start one, or name the directory of the one that runs with --data", path)
	}
	if err != nil {
		return Door{}, syncline.WrapError(syncline.CodeUnavailable, err, "cannot read %s in the data directory %s; run as the user that the server runs as", doorFile, path)
	}
	if err := checkPrivate("data directory", path); err != nil {
		return Door{}, err
	}
	var d doorJSON
	if err := json.Unmarshal(data, &d); err != nil || d.Token == "" {
		return Door{}, syncline.WrapError(syncline.CodeInvalid, err, "%s in the data directory %s cannot be used; restart the server, which writes it anew", doorFile, path)
	}
	return Door{URL: d.URL, Fingerprint: d.Fingerprint, Token: secret.NewString(d.Token)}, nil
}

// door keeps the file while the server runs, and knows its token.
type door struct {
	*auth.Service
	file  string
	url   string
	token string
	log   *slog.Logger
}

// newDoor makes a door with a token of its own. ln is where the server listens, and base
// stands before all its paths.
func (s *Server) newDoor(ln net.Addr, base string, log *slog.Logger) *door {
	return &door{Service: s.Auth, log: log, file: filepath.Join(s.path, doorFile), url: "https://" + ownAddress(ln) + base, token: "local." + rand.Text() + rand.Text()}
}

// ownAddress returns the address at which this machine reaches a listener.
func ownAddress(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && (ip == nil || ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// open writes the file, with the fingerprint of the certificate. A full disk keeps no
// server from running.
func (d *door) open(certs *api.Certificates) {
	data, err := json.Marshal(doorJSON{d.url, api.Fingerprint(certs.Current()), d.token})
	temporary := d.file + ".new"
	if err == nil {
		err = os.WriteFile(temporary, append(data, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(temporary, d.file)
	}
	if err != nil {
		d.log.Error("commands with --data cannot reach this server", "error", err)
	}
}

// close removes the file.
func (d *door) close() {
	if err := os.Remove(d.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Error("cannot remove the file for commands with --data", "error", err)
	}
}

// Authenticate lets the owner of the data directory in, beside the users.
func (d *door) Authenticate(ctx context.Context, token string) (auth.Identity, error) {
	if strings.HasPrefix(token, "local.") && subtle.ConstantTimeCompare([]byte(token), []byte(d.token)) == 1 {
		return d.owner(), nil
	}
	return d.Service.Authenticate(ctx, token)
}

// Continue lets the owner go on.
func (d *door) Continue(ctx context.Context, i auth.Identity) (auth.Identity, error) {
	if i == d.owner() {
		return i, nil
	}
	return d.Service.Continue(ctx, i)
}

func (d *door) owner() auth.Identity {
	return auth.Identity{UserName: doorName, Role: syncline.RoleAdministrator}
}
