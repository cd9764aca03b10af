package kinds

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// relay passes connections on to an address, and counts them.
func relay(t *testing.T, target string) (address string, made *atomic.Int64) {
	t.Helper()
	door, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { door.Close() })
	made = new(atomic.Int64)
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}
	go func() {
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			made.Add(1)
			server, err := new(net.Dialer).DialContext(t.Context(), "tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go pass(server, client)
			go pass(client, server)
		}
	}()
	return door.Addr().String(), made
}

// TestSFTPConnections has one connection for all places of an account on a host.
func TestSFTPConnections(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	address, made := relay(t, server.Address)
	other := filepath.Join(t.TempDir(), "other")
	servers.MakeKey(t, other, "ed25519", "")
	server.Allow(servers.ReadText(t, other+".pub"))
	opened := func(folder, key string) {
		t.Helper()
		folder = filepath.Join(server.Dir, folder)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "config"), []byte("c"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sftpKind.Open(t.Context(), place.Place{
			Storage: syncline.ObjectStorage{Kind: syncline.KindSFTP, Endpoint: address, Folder: folder, Settings: map[string]string{hostKey: server.HostKey}},
			Access: place.Access{
				Account: syncline.Account{Kind: syncline.KindSFTP, UserName: server.User},
				Secrets: map[string]secret.String{privateKey: secret.NewString(servers.ReadText(t, key))},
			},
		}, place.Network{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.(io.Closer).Close() })
		if got, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1); err != nil || string(got) != "c" {
			t.Errorf("%s: %q, %v", folder, got, err)
		}
	}
	for range 3 {
		opened("one", server.Key)
	}
	opened("two", server.Key)
	if n := made.Load(); n != 1 {
		t.Errorf("%d connections for two folders of an account", n)
	}
	opened("one", other)
	if n := made.Load(); n != 2 {
		t.Errorf("%d connections for two accounts", n)
	}
}
