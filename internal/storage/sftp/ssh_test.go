package sftp_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/sftp"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// hopTo is a hop to a test server with its own key.
func hopTo(t *testing.T, s *servers.SSH, name string) sftp.Hop {
	t.Helper()
	return sftp.Hop{
		Address: s.Address, User: s.User, HostKey: s.HostKey, Login: sftp.Login{PrivateKey: servers.ReadText(t, s.Key)},
		Confirm: func(key string) (string, string) { return name, key },
	}
}

func signedIn(t *testing.T, dir string, way sftp.SSH) *sftp.Storage {
	t.Helper()
	s := sftp.Open(sftp.Config{Path: dir, Connect: way.Connect})
	t.Cleanup(func() { s.Close() })
	return s
}

// TestConformanceOfServers reads with the client that servers use, through a jump host.
func TestConformanceOfServers(t *testing.T) {
	t.Parallel()
	jump, server := servers.StartSSH(t), servers.StartSSH(t)
	way := sftp.SSH{Hops: []sftp.Hop{hopTo(t, jump, "jumpHosts"), hopTo(t, server, "hostKey")}}
	storagetest.RunRepository(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		dir := t.TempDir()
		write(t, dir, files)
		return signedIn(t, dir, way)
	})
}

// list lists the keys of a folder, which has none.
func list(t *testing.T, dir string, way sftp.SSH) error {
	t.Helper()
	s := sftp.Open(sftp.Config{Path: dir, Connect: way.Connect})
	defer s.Close()
	return s.List(t.Context(), "", func(string, int64) error { return nil })
}

// TestHostKey confirms a key, and refuses another one.
func TestHostKey(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	hop := hopTo(t, server, "hostKey")
	way := sftp.SSH{Hops: []sftp.Hop{hop}}
	way.Hops[0].HostKey = ""
	err := list(t, server.Dir, way)
	var unconfirmed *storage.UnconfirmedError
	if !errors.As(err, &unconfirmed) || unconfirmed.Setting != "hostKey" || unconfirmed.Value != server.HostKey || syncline.CodeOf(err) != syncline.CodeConflict {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(syncline.MessageOf(err), "ssh-ed25519 SHA256:") || storage.IsRetryable(err) {
		t.Errorf("got %v", err)
	}
	way.Hops[0].HostKey = unconfirmed.Value
	if err := list(t, server.Dir, way); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.NewHostKey("ed25519")
	server.Start()
	err = list(t, server.Dir, way)
	var blamed *storage.SettingError
	if !errors.As(err, &blamed) || blamed.Setting != "hostKey" {
		t.Errorf("no setting is to blame for another key: %v", err)
	}
	if syncline.CodeOf(err) != syncline.CodeForbidden || !strings.Contains(syncline.MessageOf(err), "shows the host key ssh-ed25519 SHA256:") || errors.As(err, &unconfirmed) || storage.IsRetryable(err) {
		t.Errorf("another key: %v", err)
	}
	server.Kill()
	server.NewHostKey("ecdsa")
	server.Start()
	err = list(t, server.Dir, way)
	if syncline.CodeOf(err) != syncline.CodeForbidden || !strings.Contains(syncline.MessageOf(err), "offers no key of that type") {
		t.Errorf("a key of another type: %v", err)
	}
}

// TestWays tells ways apart that must not share a connection.
func TestWays(t *testing.T) {
	way := func(change func(*sftp.SSH)) string {
		hop := func(at string) sftp.Hop {
			return sftp.Hop{Address: at, User: "ann", HostKey: "ssh-ed25519 AAAA", Login: sftp.Login{Password: "hunter2", PrivateKey: "hunter3", Passphrase: "hunter4"}}
		}
		w := sftp.SSH{Hops: []sftp.Hop{hop("gate:22"), hop("inner:22")}}
		change(&w)
		return w.Name()
	}
	same := way(func(*sftp.SSH) {})
	if same == "" || same != way(func(w *sftp.SSH) { w.Hops[1].Confirm = func(string) (string, string) { return "", "" } }) {
		t.Errorf("one way has two names")
	}
	names := map[string]string{same: "the way"}
	for label, change := range map[string]func(*sftp.SSH){
		"an address":     func(w *sftp.SSH) { w.Hops[1].Address = "inner:2222" },
		"a user":         func(w *sftp.SSH) { w.Hops[1].User = "bob" },
		"a host key":     func(w *sftp.SSH) { w.Hops[0].HostKey = "ssh-ed25519 BBBB" },
		"a password":     func(w *sftp.SSH) { w.Hops[1].Login.Password = "x" },
		"a key":          func(w *sftp.SSH) { w.Hops[1].Login.PrivateKey = "x" },
		"a passphrase":   func(w *sftp.SSH) { w.Hops[1].Login.Passphrase = "x" },
		"a jump less":    func(w *sftp.SSH) { w.Hops = w.Hops[1:] },
		"another order":  func(w *sftp.SSH) { w.Hops[0], w.Hops[1] = w.Hops[1], w.Hops[0] },
		"no private one": func(w *sftp.SSH) { w.DenyPrivate = true },
		"words that run": func(w *sftp.SSH) { w.Hops[1].Login.Password, w.Hops[1].Login.PrivateKey = `hunter2" "hunter3`, "" },
	} {
		name := way(change)
		if names[name] != "" {
			t.Errorf("%s: the same name as %s", label, names[name])
		}
		names[name] = label
	}
	if name := way(func(w *sftp.SSH) { w.Hops[1].HostKey = "" }); name != "" {
		t.Errorf("a way without a host key has the name %q", name)
	}
}

// TestKeys signs in with keys of every type that works.
func TestKeys(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		for _, passphrase := range []string{"", "open sesame"} {
			file := filepath.Join(t.TempDir(), "key")
			servers.MakeKey(t, file, kind, passphrase)
			server.Allow(servers.ReadText(t, file+".pub"))
			hop := hopTo(t, server, "hostKey")
			hop.Login = sftp.Login{PrivateKey: servers.ReadText(t, file), Passphrase: passphrase}
			if err := sftp.CheckPrivateKey(hop.Login.PrivateKey); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			if err := list(t, server.Dir, sftp.SSH{Hops: []sftp.Hop{hop}}); err != nil {
				t.Errorf("%s with the passphrase %q: %v", kind, passphrase, err)
			}
			if passphrase == "" {
				continue
			}
			hop.Login.Passphrase = "wrong"
			if _, err := hop.Login.Signer(); err == nil || !strings.Contains(err.Error(), "does not open the key") {
				t.Errorf("a wrong passphrase: %v", err)
			}
			hop.Login.Passphrase = ""
			if _, err := hop.Login.Signer(); err == nil || !strings.Contains(err.Error(), "must come with its passphrase") {
				t.Errorf("no passphrase: %v", err)
			}
		}
	}
}

// TestNoKeys refuses texts that are no private key that works, and says why.
func TestNoKeys(t *testing.T) {
	for text, want := range map[string]string{
		"hunter2": "from its line with BEGIN",
		"":        "from its line with BEGIN",
		"PuTTY-User-Key-File-3: ssh-ed25519\nhunter2":                                                     "puttygen",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFqNbZFxVr0Wz3O6tPbAaC8Ih0tWdb6Hv0WpXk0f2cB a@b":            "is the public one",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----":                    "of the type Ed25519",
		"-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----":                            "ssh-dss do not work",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" + securityKey + "\n-----END OPENSSH PRIVATE KEY-----\n\n": "security key (sk-ssh-ed25519@openssh.com)",
	} {
		err := sftp.CheckPrivateKey(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestSignInFails says what is wrong on the way.
func TestSignInFails(t *testing.T) {
	jump, server, stranger := servers.StartSSH(t, "PermitOpen 127.0.0.1:1"), servers.StartSSH(t), servers.StartSSH(t)
	noSFTP := servers.StartSSH(t, "ForceCommand echo hello")
	hop := func(change func(*sftp.Hop)) sftp.Hop {
		h := hopTo(t, server, "hostKey")
		change(&h)
		return h
	}
	for label, c := range map[string]struct {
		way       sftp.SSH
		code      syncline.Code
		message   string
		retryable bool
	}{
		"nobody listens":     {sftp.SSH{Hops: []sftp.Hop{hop(func(h *sftp.Hop) { h.Address = "127.0.0.1:1" })}}, syncline.CodeUnavailable, "(connection refused)", true},
		"no such host":       {sftp.SSH{Hops: []sftp.Hop{hop(func(h *sftp.Hop) { h.Address = "no-such-host.invalid:22" })}}, syncline.CodeUnavailable, "no-such-host.invalid", false},
		"another user's key": {sftp.SSH{Hops: []sftp.Hop{hop(func(h *sftp.Hop) { h.Login = hopTo(t, stranger, "").Login })}}, syncline.CodeForbidden, "with the account's key", false},
		"a password":         {sftp.SSH{Hops: []sftp.Hop{hop(func(h *sftp.Hop) { h.Login = sftp.Login{Password: "hunter2"} })}}, syncline.CodeForbidden, "with the account's password", false},
		"a private address":  {sftp.SSH{DenyPrivate: true, Hops: []sftp.Hop{hopTo(t, server, "")}}, syncline.CodeInvalid, "an address of this very machine", false},
		"metadata":           {sftp.SSH{Hops: []sftp.Hop{hop(func(h *sftp.Hop) { h.Address = "169.254.169.254:22" })}}, syncline.CodeInvalid, "link-local", false},
		"behind the jump":    {sftp.SSH{Hops: []sftp.Hop{hopTo(t, stranger, ""), hop(func(h *sftp.Hop) { h.Address = "169.254.169.254:22" })}}, syncline.CodeInvalid, "link-local", false},
		"no forwarding":      {sftp.SSH{Hops: []sftp.Hop{hopTo(t, jump, ""), hopTo(t, server, "")}}, syncline.CodeUnavailable, "allows its user to forward", true},
		"no SFTP":            {sftp.SSH{Hops: []sftp.Hop{hopTo(t, noSFTP, "")}}, syncline.CodeUnavailable, "no login script", false},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			err := list(t, server.Dir, c.way)
			if syncline.CodeOf(err) != c.code || !strings.Contains(syncline.MessageOf(err), c.message) || label != "no such host" && storage.IsRetryable(err) != c.retryable {
				t.Errorf("got %v (%s)", err, syncline.CodeOf(err))
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

// TestFaultsOfServers reads on through the end of connections.
func TestFaultsOfServers(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	files := storagetest.SomeFiles()
	write(t, server.Dir, files)
	link := servers.StartLink(t, server.Address)
	hop := hopTo(t, server, "hostKey")
	hop.Address = link.Address
	failed := make(chan struct{}, 10_000)
	o := soon
	o.OnEvent = func(storage.Event) { failed <- struct{}{} }
	retry := storage.NewRetry(signedIn(t, server.Dir, sftp.SSH{Hops: []sftp.Hop{hop}}), o)
	cut := 0
	err := retry.List(t.Context(), "data", func(name string, _ int64) error {
		if cut++; cut%20 == 0 {
			link.Cut(t)
			go func() {
				<-failed
				link.Mend(t)
			}()
		}
		got, err := storagetest.ReadAll(t.Context(), retry, name, 0, -1)
		if err == nil && string(got) != string(files[name]) {
			t.Errorf("%s: %d wrong bytes", name, len(got))
		}
		return err
	})
	if err != nil || cut < 80 {
		t.Errorf("%d files, %v", cut, err)
	}
}

// securityKey is a key of a security key in OpenSSH's form.
const securityKey = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAASgAAABpzay1zc2\n" +
	"gtZWQyNTUxOUBvcGVuc3NoLmNvbQAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" +
	"AAAAAAAAAARzc2g6AAAAZAAAAAEAAAABAAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY2\n" +
	"9tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABHNzaDoBAAAAAWgA\n" +
	"AAAAAAAAAWMBAgM="
