package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/resticfixture"
)

// A place is attached once, a copy is shown as one, and a repository that moved keeps
// its catalog.
func TestMovedRepository(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, 5, 2)
	n := start(t, t.TempDir())
	c := must(client.New(n.url, client.Options{UserName: "administrator", Password: adminPassword, Fingerprint: n.fingerprint()}))(t)
	t.Cleanup(c.CloseIdleConnections)
	ctx := t.Context()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{os.CopyFS(at("copy"), os.DirFS(repo)), os.CopyFS(at("third"), os.DirFS(repo)), os.Symlink(repo, at("link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	id := syncline.ID(n.attach("main", repo))
	n.finish(n.sync(string(id)).ID)
	key := must(c.Repository(ctx, id))(t).EncryptionKeyID
	attach := func(name, path string) (client.Repository, error) {
		return c.AttachRepository(ctx, client.NewRepository{Name: name, Path: path, EncryptionKeyID: key})
	}
	for _, path := range []string{repo, at("link")} {
		if _, err := attach("again", path); client.StatusOf(err) != 409 || !strings.Contains(err.Error(), `"main"`) {
			t.Errorf("the same place was attached again at %s: %v", path, err)
		}
	}
	copied := must(attach("copy", at("copy")))(t)
	for one, other := range map[syncline.ID]syncline.ID{id: copied.ID, copied.ID: id} {
		if got := must(c.Repository(ctx, one))(t).CopyOf; len(got) != 1 || got[0] != other {
			t.Errorf("%s is a copy of %v, want %s", one, got, other)
		}
	}
	u := n.user(nil)
	u.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	u.must(1, "it has main (a copy of copy), copy (a copy of main)", "snapshots", "--server", n.url)
	move := func(path string) error {
		return c.ChangeRepository(ctx, id, client.RepositoryChange{Path: path})
	}
	if err := move(at("copy")); client.StatusOf(err) != 409 || !strings.Contains(err.Error(), `"copy"`) {
		t.Errorf("moved to a place that is attached: %v", err)
	}
	stranger := resticfixture.Unpack(t, "v2-new")
	change := client.RepositoryChange{Path: stranger}
	foreign := must(c.AddEncryptionKey(ctx, resticfixture.Password, "of the stranger"))(t)
	change.EncryptionKeyID = foreign.ID
	if err := c.ChangeRepository(ctx, id, change); client.StatusOf(err) != 409 || !strings.Contains(err.Error(), "another repository lies there") {
		t.Errorf("moved to another repository: %v", err)
	}
	if err := os.RemoveAll(repo); err != nil {
		t.Fatal(err)
	}
	if err := move(at("third")); err != nil {
		t.Fatal(err)
	}
	if s := n.finish(n.sync(string(id)).ID); s.Statistics.SnapshotsAdded != 0 {
		t.Errorf("the moved repository was read anew: %+v", s.Statistics)
	}

	// The password is changed with restic, and then here.
	file := at("new-password")
	if err := os.WriteFile(file, []byte("quite another one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{at("third"), at("copy")} {
		restic(t, path, "key", "passwd", "--new-password-file", file)
	}
	if err := c.ChangeEncryptionKey(ctx, key, client.KeyChange{NewPassword: "a wrong one"}); client.StatusOf(err) != 400 {
		t.Errorf("a wrong password: %v", err)
	}
	hidden := at("hidden")
	if err := os.Rename(at("copy"), hidden); err != nil {
		t.Fatal(err)
	}
	other := client.KeyChange{NewPassword: "quite another one"}
	if err := c.ChangeEncryptionKey(ctx, key, other); client.StatusOf(err) != 409 || !strings.Contains(err.Error(), "force") {
		t.Errorf("a repository is not there: %v", err)
	}
	other.Force = true
	if err := c.ChangeEncryptionKey(ctx, key, other); err != nil {
		t.Error(err)
	}
	if err := os.Rename(hidden, at("copy")); err != nil {
		t.Fatal(err)
	}
	n.finish(n.sync(string(copied.ID)).ID)
	n.finish(n.sync(string(id)).ID)
	if strings.Contains(n.output.String(), "quite another one") {
		t.Error("the password is in the log")
	}
}

// An administrator manages users, and everybody the own password.
func TestUsersOfTheAPI(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir())
	as := func(user, password string) *client.Client {
		c := must(client.New(n.url, client.Options{UserName: user, Password: password, Fingerprint: n.fingerprint()}))(t)
		t.Cleanup(c.CloseIdleConnections)
		return c
	}
	ctx, admin := t.Context(), as("administrator", adminPassword)
	const first, second = "some words at random", "other words at random"
	must(admin.AddUser(ctx, client.NewUser{Name: "ann", Role: syncline.RoleViewer, Password: first}))(t)
	ann := as("ann", first)
	if _, err := ann.Users(ctx); client.StatusOf(err) != 403 {
		t.Errorf("a viewer lists the users: %v", err)
	}
	var token client.Token
	if token = must(ann.SignIn(ctx))(t); token.AccessToken == "" {
		t.Fatal("no token")
	}
	if err := admin.ChangeUser(ctx, "ANN", client.UserChange{Role: syncline.RoleAdministrator}); err != nil {
		t.Fatal(err)
	}
	n.token = token.AccessToken
	n.refused("GET", "/v6/Users", nil, 401) // another role, another sign-in
	if list := must(ann.Users(ctx))(t); len(list) != 2 || list[1].Name != "ann" && list[0].Name != "ann" {
		t.Errorf("got %+v", list)
	}
	if err := ann.ChangePassword(ctx, "ann", "a wrong one", second); client.StatusOf(err) != 400 {
		t.Errorf("a wrong present password: %v", err)
	}
	if err := ann.ChangePassword(ctx, "ann", first, second); err != nil {
		t.Fatal(err)
	}
	if !must(admin.UserHasPassword(ctx, "ann", second))(t) || must(admin.UserHasPassword(ctx, "ann", first))(t) {
		t.Error("the password is not the new one")
	}
	if err := as("ann", second).ChangeUser(ctx, "administrator", client.UserChange{Role: syncline.RoleViewer}); err != nil {
		t.Error(err)
	}
	if err := as("ann", second).ChangeUser(ctx, "ann", client.UserChange{Role: syncline.RoleViewer}); client.StatusOf(err) != 409 {
		t.Errorf("the last administrator: %v", err)
	}
	if err := as("ann", second).DeleteUser(ctx, "administrator"); err != nil {
		t.Error(err)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
