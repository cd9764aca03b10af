package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/declare"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest"
)

// shelves returns a kind of storage whose repositories lie in the memory of the test. It
// is all that a program has to have for a further kind. The host of a shelf shows a key,
// which its user confirms.
func shelves(shelf map[string]storagetest.Memory) *place.Kind {
	return &place.Kind{
		Scheme: "shelf", Form: "shelf:HOST:/FOLDER",
		Stored: []place.Stored{{
			Kind: "shelf", AccountType: "shelfAccount", StorageType: "Shelf", Title: "Shelf", Help: "A shelf.", Example: "shelf:host:/folder",
			Methods: []place.Method{{
				Name: "key", Title: "Key", Help: "A key with its phrase.",
				UserName: place.Field{Name: place.UserName, Title: "User name", Help: "the name of the user", Required: true},
				Secrets: []place.Field{
					{Name: "privateKey", Title: "Private key", Help: "the private key", Required: true},
					{Name: "passphrase", Title: "Passphrase", Help: "the passphrase of the key"},
				},
			}},
			Fields: []place.Field{{Name: "hostKey", Title: "Host key", Help: "the key of the host"}},
		}},
		Parse: func(rest string) (place.Place, error) {
			host, folder, found := strings.Cut(rest, ":/")
			if !found {
				return place.Place{}, syncline.Errorf(syncline.CodeInvalid, "the address must be like shelf:HOST:/FOLDER")
			}
			return place.Place{Storage: syncline.ObjectStorage{Kind: "shelf", Endpoint: host, Folder: folder}}, nil
		},
		Print: func(p place.Place) string { return p.Storage.Endpoint + ":/" + p.Storage.Folder },
		Open: func(_ context.Context, p place.Place, _ place.Network) (storage.Storage, error) {
			by := p.Access
			if by.Account.UserName != "ada" || by.Secrets["privateKey"].Reveal() != "key" || by.Secrets["passphrase"].Reveal() != "phrase" {
				return nil, storage.Refused(nil, "the host refuses the key")
			}
			if p.Storage.Settings["hostKey"] != "key-1" {
				return nil, &storage.UnconfirmedError{Setting: "hostKey", Value: "key-1", Err: syncline.Errorf(syncline.CodeConflict, "the host shows the key SHA256:1; compare it")}
			}
			return shelf[p.Storage.Folder], nil
		},
	}
}

const adminPassword = "correct horse battery"

// runTest runs a server until the test ends, and returns a client of it.
func runTest(t *testing.T, o Options, manager string) *client.Client {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	o.Settings = DefaultSettings()
	o.Data, o.Listen, o.SyncInterval = t.TempDir(), "127.0.0.1:0", 0
	o.Logger, o.Version = slog.New(slog.DiscardHandler), "1.2.3"
	o.FirstPassword = func(string) (FirstPassword, error) { return FirstPassword{Password: adminPassword}, nil }
	ready, ended := make(chan *Server, 1), make(chan error, 1)
	o.Ready = func(s *Server) error { ready <- s; return nil }
	go func() { ended <- Run(ctx, o) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case s := <-ready:
		c, err := client.New("https://"+s.Address, client.Options{UserName: "administrator", Password: adminPassword, Fingerprint: s.Fingerprint, Manager: manager})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdleConnections)
		return c
	case err := <-ended:
		ended <- nil
		t.Fatalf("the server ended: %v", err)
		return nil
	}
}

// A kind of storage that has tables and functions, and nothing else in the program, is
// attached through the API and synchronized.
func TestFurtherKind(t *testing.T) {
	folder := resticfixture.Unpack(t, "v2-old")
	c := runTest(t, Options{kinds: append(kinds.All(), shelves(map[string]storagetest.Memory{"restic": readAll(t, folder)}))}, "")
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	account, err := c.AddAccount(ctx, client.NewAccount{Type: "shelfAccount", UserName: "ada", Secrets: map[string]string{"privateKey": "key", "passphrase": "phrase"}})
	must(err)
	wanted := client.ObjectStorage{Name: "shelf", Type: "Shelf", AccountID: account.ID, Address: "shelf:host:/restic"}
	var refused *client.Error
	if _, err = c.AddObjectStorage(ctx, wanted); !errors.As(err, &refused) || refused.Status != 409 || refused.Confirm["hostKey"] != "key-1" || !strings.Contains(refused.Message, "SHA256:1") {
		t.Fatalf("got %+v", err)
	}
	wanted.Settings = refused.Confirm
	there, err := c.AddObjectStorage(ctx, wanted)
	must(err)
	key, err := c.AddEncryptionKey(ctx, resticfixture.Password, "")
	must(err)
	r, err := c.AttachRepository(ctx, client.NewRepository{Name: "shelved", ObjectStorageID: there.ID, EncryptionKeyID: key.ID})
	must(err)
	if _, err = c.AttachRepository(ctx, client.NewRepository{Name: "again", ObjectStorageID: there.ID, EncryptionKeyID: key.ID}); client.StatusOf(err) != 409 {
		t.Errorf("a place is attached twice: %v", err)
	}
	session, err := c.Synchronize(ctx, r.ID)
	must(err)
	for session, err = range c.WatchSession(ctx, session.ID) {
		must(err)
	}
	points, err := c.RestorePoints(ctx, r.ID)
	if err != nil || session.Result != "Success" || len(points) == 0 {
		t.Errorf("%+v, %d points, %v", session, len(points), err)
	}
	// A changed secret is tried with the storage, and a wrong one is refused.
	if err := c.ChangeAccount(ctx, account.ID, client.AccountChange{Secrets: map[string]string{"passphrase": ""}}); client.StatusOf(err) != 400 || !strings.Contains(err.Error(), "the host refuses the key") {
		t.Errorf("got %v", err)
	}
	for secret, same := range map[string]bool{"phrase": true, "other": false} {
		if got, err := c.AccountHasSecrets(ctx, account.ID, map[string]string{"privateKey": "key", "passphrase": secret}); err != nil || got != same {
			t.Errorf("%s is the secret: %v, %v", secret, got, err)
		}
	}
}

func readAll(t *testing.T, folder string) storagetest.Memory {
	t.Helper()
	files := storagetest.Memory{}
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A file declares a further kind by its tables, an export has all of it but the secrets,
// and applying the export changes nothing.
func TestFurtherKindDeclared(t *testing.T) {
	folder := resticfixture.Unpack(t, "v2-old")
	c := runTest(t, Options{kinds: append(kinds.All(), shelves(map[string]storagetest.Memory{"restic": readAll(t, folder)}))}, "fleet")
	ctx := t.Context()
	variables := map[string]string{"KEY": "key", "PHRASE": "phrase", "PASSWORD": resticfixture.Password}
	apply := func(text string) (plan string, failures []string) {
		t.Helper()
		f, err := declare.Read(strings.NewReader(text), "")
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		p, err := declare.Make(ctx, f, c, declare.Options{Getenv: func(name string) string { return variables[name] }})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Steps {
			plan += s.String() + "\n"
		}
		p.Apply(ctx, c, func(o declare.Outcome) {
			if o.Err != nil {
				failures = append(failures, declare.MessageOf(o.Err))
			}
		})
		return plan, failures
	}
	const file = `
name: fleet
accounts: [{name: shelves, type: shelf, userName: ada, secrets: {privateKey: {env: KEY}, passphrase: {env: PHRASE}}}]
keys: [{name: main, password: {env: PASSWORD}}]
storages: [{name: shelf, account: shelves, address: "shelf:host:/restic"SETTINGS}]
repositories: [{name: shelved, storage: shelf, key: main}]
`
	if _, failures := apply(strings.ReplaceAll(file, "SETTINGS", "")); len(failures) != 1 || !strings.Contains(failures[0], `settings: {hostKey: "key-1"}`) {
		t.Errorf("without the key of the host: %q", failures)
	}
	whole := strings.ReplaceAll(file, "SETTINGS", ", settings: {hostKey: key-1}")
	plan, failures := apply(whole)
	if len(failures) != 0 || !strings.Contains(plan, `settings.hostKey: "key-1"`) || !strings.Contains(plan, `address: "shelf:host:/restic"`) {
		t.Errorf("%q after %s", failures, plan)
	}
	if plan, failures := apply(whole); plan != "" || len(failures) != 0 {
		t.Errorf("a second time: %q, %s", failures, plan)
	}
	variables["PHRASE"] = "hunter2"
	if plan, failures := apply(whole); len(failures) != 1 || !strings.Contains(plan, "secrets.passphrase: another one, from the variable PHRASE") || strings.Contains(plan, "privateKey") {
		t.Errorf("another secret: %q, %s", failures, plan)
	}
	variables["PHRASE"] = "phrase"
	exported, err := declare.Export(ctx, c, "fleet")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"SECRET_ACCOUNT_SHELVES_PRIVATEKEY": "key", "SECRET_ACCOUNT_SHELVES_PASSPHRASE": "phrase", "SECRET_KEY_MAIN": resticfixture.Password, "SECRET_USER_ADMINISTRATOR": adminPassword} {
		variables[name] = value
		if !strings.Contains(string(exported), name) {
			t.Errorf("%s is not in\n%s", name, exported)
		}
	}
	// It takes the administrator over, and changes nothing else.
	if plan, failures := apply(string(exported)); strings.Contains(plan, "shel") || strings.Contains(plan, "main") || len(failures) != 0 {
		t.Errorf("the export changes something: %q, %s\n%s", failures, plan, exported)
	}
}
