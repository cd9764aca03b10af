package server

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/place/kinds"
	"syncline.dev/syncline/internal/resticfixture"
)

// Two nodes keep the keys of a repository. A node sees that the other one has changed
// the password, or that somebody has changed the keys in the repository.
func TestKeptKeysOfTwoNodes(t *testing.T) {
	ctx := t.Context()
	data, err := openDataDir(ctx, t.TempDir(), keyIn(""), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer data.store.Close()
	path := resticfixture.Unpack(t, "v2-old")
	seal := sealer{data.box}
	set := func(password string, change func(syncline.EncryptionKey, []byte) error) {
		t.Helper()
		sealed, err := seal.Seal("key", []byte(password))
		if err == nil {
			err = change(syncline.EncryptionKey{ID: "key"}, sealed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	set(resticfixture.Password, func(k syncline.EncryptionKey, b []byte) error { return data.store.AddKey(ctx, k, b) })
	r := syncline.Repository{ID: attachedID, Name: "repository", Path: path, EncryptionKeyID: "key"}
	nodes := make([]*source, 2)
	for i := range nodes {
		nodes[i] = &source{store: data.store, sealer: seal, places: &place.Opener{Kinds: kinds.All()}, beside: true}
	}
	open := func(i int) (id string, err error) {
		t.Helper()
		opened, err := nodes[i].Open(ctx, r, func(syncline.LogLevel, string) {})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%p %x", nodes[i].kept[r.ID].repo, opened.Repository.Seal()), opened.Close()
	}
	first := [2]string{}
	for i := range nodes {
		if first[i], err = open(i); err != nil {
			t.Fatal(err)
		}
		if again, err := open(i); err != nil || again != first[i] {
			t.Errorf("the keys are not kept: %s, %s, %v", first[i], again, err)
		}
	}
	set("a wrong password", func(k syncline.EncryptionKey, b []byte) error { return data.store.UpdateKey(ctx, k, b) })
	for i := range nodes {
		if _, err := open(i); err == nil {
			t.Errorf("node %d opens the repository with the password before", i)
		}
	}
	set(resticfixture.Password, func(k syncline.EncryptionKey, b []byte) error { return data.store.UpdateKey(ctx, k, b) })
	keys, err := filepath.Glob(filepath.Join(path, "keys", "*"))
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	text, err := os.ReadFile(keys[0])
	if err == nil {
		err = os.WriteFile(filepath.Join(path, "keys", fmt.Sprintf("%064x", 1)), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		if again, err := open(i); err != nil || again == first[i] {
			t.Errorf("node %d goes on with the keys before: %s, %v", i, again, err)
		}
	}
}

// Repositories that other nodes have removed are not kept for ever.
func TestKeptKeysAreBounded(t *testing.T) {
	s := &source{kept: map[syncline.ID]keptRepository{}}
	for i := range maxKept {
		s.kept[syncline.ID(fmt.Sprint(i))] = keptRepository{}
	}
	s.keep(attachedID, keptRepository{})
	if _, ok := s.kept[attachedID]; len(s.kept) != maxKept || !ok {
		t.Errorf("%d are kept", len(s.kept))
	}
}
