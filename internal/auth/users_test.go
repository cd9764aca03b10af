package auth

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"syncline.dev/syncline"
)

func TestAddUserValidates(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	for _, name := range []string{"", " ", "a ", " a", "a\nb", "a\x00", "\xff", "a\u200bb", "a\u202eb", strings.Repeat("é", 65)} {
		wantCode(t, f.AddUser(ctx, name, password, syncline.RoleViewer), syncline.CodeInvalid)
	}
	for _, bad := range []string{"", "1234567", "eleven char", "ééééééé", "password1234", strings.Repeat("x", 1025)} {
		wantCode(t, f.AddUser(ctx, "new", bad, syncline.RoleViewer), syncline.CodeInvalid)
		wantCode(t, f.SetPassword(ctx, "admin", bad), syncline.CodeInvalid)
	}
	wantCode(t, f.AddUser(ctx, "new", password, "king"), syncline.CodeInvalid)
	wantCode(t, f.AddUser(ctx, "ADMIN", password, syncline.RoleViewer), syncline.CodeConflict)
	wantCode(t, f.SetPassword(ctx, "nobody", password), syncline.CodeNotFound)
	wantCode(t, f.RemoveUser(ctx, "nobody"), syncline.CodeNotFound)
	wantCode(t, f.RemoveUser(ctx, "admin"), syncline.CodeConflict)

	for _, name := range []string{"b", "Zoë van der Berg", "日本", strings.Repeat("é", 64)} {
		check(t, f.AddUser(ctx, name, strings.Repeat("long words ", 93)+"!", syncline.RoleOperator))
	}
	users, err := f.ListUsers(ctx)
	check(t, err)
	if len(users) != 5 || users[1].Name != "b" || users[1].Role != syncline.RoleOperator || !users[1].CreatedAt.Equal(f.clock.Now()) {
		t.Errorf("got %+v", users)
	}
	for _, u := range users {
		if u.PasswordHash != "" {
			t.Error("a password hash got out")
		}
	}
}

func TestEnsureAdministrator(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	asked := 0
	choose := func(password string) func() (string, error) {
		return func() (string, error) { asked++; return password, nil }
	}
	created, err := f.EnsureAdministrator(ctx, choose("a given password"))
	if created || err != nil || asked != 0 { // there is a user
		t.Errorf("got %v, %v, asked %d times", created, err, asked)
	}
	// The store keeps its last administrator, so the empty table is a fake.
	empty := &noUsers{Store: f.store}
	s := New(empty, Options{})
	s.hasher.compute = f.hasher.compute
	_, err = s.EnsureAdministrator(ctx, choose("short"))
	wantCode(t, err, syncline.CodeInvalid)
	failed := errors.New("nothing to choose")
	if created, err = s.EnsureAdministrator(ctx, func() (string, error) { return "", failed }); created || !errors.Is(err, failed) {
		t.Errorf("got %v, %v", created, err)
	}
	generated := GeneratePassword()
	created, err = s.EnsureAdministrator(ctx, choose(generated))
	if err != nil || !created || !regexp.MustCompile(`^([a-z2-9]{5}-){3}[a-z2-9]{5}$`).MatchString(generated) {
		t.Errorf("got %q, %v, %v", generated, created, err)
	}
	if _, err := s.SignIn(ctx, "administrator", generated, home); err != nil {
		t.Error(err)
	}
	// Another process has added the user a moment ago.
	created, err = s.EnsureAdministrator(ctx, choose(generated))
	if created || err != nil {
		t.Errorf("got %v, %v", created, err)
	}
	check(t, f.RemoveUser(ctx, "administrator"))
	created, err = s.EnsureAdministrator(ctx, choose("a given password"))
	if !created || err != nil {
		t.Errorf("got %v, %v", created, err)
	}
	grant, err := s.SignIn(ctx, "Administrator", "a given password", home)
	check(t, err)
	identity, err := s.Authenticate(ctx, grant.AccessToken)
	check(t, err)
	if identity.Role != syncline.RoleAdministrator {
		t.Errorf("got %+v", identity)
	}
	if one, two := GeneratePassword(), GeneratePassword(); one == two {
		t.Error("two generated passwords are the same")
	}
}

// The real hash: its form, and what it tells apart.
func TestPasswordHash(t *testing.T) {
	h := newHasher(1)
	text := h.hash(password)
	if !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %q", text)
	}
	parsed, err := parseHash(text)
	check(t, err)
	if parsed.String() != text {
		t.Errorf("%q became %q", text, parsed)
	}
	if !h.matches(parsed, password) || h.matches(parsed, password+" ") || h.matches(parsed, "") {
		t.Error("the password is not told from others")
	}
	if h.hash(password) == text {
		t.Error("two hashes have one salt")
	}
	if h.matches(h.decoy, "") || h.matches(h.decoy, password) {
		t.Error("the decoy has a password")
	}
	// Other parameters, as of an older or newer program.
	other := passwordHash{memory: 8 * 1024, time: 1, threads: 2, salt: []byte("somesalt")}
	other.sum = argon2.IDKey([]byte(password), other.salt, 1, 8*1024, 2, 24)
	parsed, err = parseHash(other.String())
	check(t, err)
	if !h.matches(parsed, password) {
		t.Error("other parameters are not honoured")
	}
}

func TestParseHashIsBounded(t *testing.T) {
	const salt, sum = "c29tZXNhbHQ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := parseHash("$argon2id$v=19$m=65536,t=10,p=4$" + salt + "$" + sum); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		"", "$", "$$$$$", "plain", strings.Repeat("$", 1<<20),
		"$argon2i$v=19$m=65536,t=3,p=4$" + salt + "$" + sum,
		"$argon2id$v=16$m=65536,t=3,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=65537,t=3,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=4294967295,t=3,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=99999999999,t=3,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=11,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=0,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=3,p=0$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=3,p=5$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=-1,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=7,t=3,p=1$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=3$" + salt + "$" + sum,
		"$argon2id$v=19$t=3,m=65536,p=4$" + salt + "$" + sum,
		"$argon2id$v=19$m=65536,t=3,p=4$c29t$" + sum,
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$AAAA",
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$!!!",
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + sum + "$",
	} {
		if h, err := parseHash(text); err == nil {
			t.Errorf("%.80q passed as %+v", text, h)
		}
	}
}

// noUsers lists no users.
type noUsers struct{ Store }

func (noUsers) Users(context.Context) ([]syncline.User, error) { return nil, nil }

func TestChangeUser(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	check(t, f.AddUser(ctx, "Bert", password, syncline.RoleViewer))
	signIn := func() Grant {
		grant, err := f.SignIn(ctx, "bert", password, home)
		check(t, err)
		f.wantLive(t, grant.AccessToken, true)
		return grant
	}
	grant := signIn()
	role, manager := syncline.RoleOperator, "fleet"
	check(t, f.ChangeUser(ctx, "BERT", UserChange{ManagedBy: &manager}))
	f.wantLive(t, grant.AccessToken, true)
	check(t, f.ChangeUser(ctx, "BERT", UserChange{Role: &role}))
	f.wantLive(t, grant.AccessToken, false)
	u, err := f.User(ctx, "bert")
	check(t, err)
	if u.Role != role || u.ManagedBy != manager || u.Name != "Bert" || u.PasswordHash != "" {
		t.Errorf("got %+v", u)
	}
	wrong := syncline.Role("king")
	wantCode(t, f.ChangeUser(ctx, "bert", UserChange{Role: &wrong}), syncline.CodeInvalid)
	wantCode(t, f.ChangeUser(ctx, "nobody", UserChange{Role: &role}), syncline.CodeNotFound)
	wantCode(t, f.ChangeUser(ctx, "admin", UserChange{Role: &role}), syncline.CodeConflict)

	grant = signIn()
	me, err := f.Authenticate(ctx, grant.AccessToken)
	check(t, err)
	wantCode(t, f.ChangePassword(ctx, me, "a wrong password", "another password", home), syncline.CodeUnauthenticated)
	wantCode(t, f.ChangePassword(ctx, me, password, "short", home), syncline.CodeInvalid)
	check(t, f.ChangePassword(ctx, me, password, "another password", home))
	f.wantLive(t, grant.AccessToken, false)
	_, err = f.SignIn(ctx, "bert", "another password", home)
	check(t, err)
}

// Guessing a password by comparing it is slowed down.
func TestHasPassword(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	same, err := f.HasPassword(ctx, "ADMIN", password)
	if check(t, err); !same {
		t.Error("the password is not the user's")
	}
	_, err = f.HasPassword(ctx, "nobody", password)
	wantCode(t, err, syncline.CodeNotFound)
	for range comparePace.Free + 1 {
		same, err = f.HasPassword(ctx, "admin", "a wrong password")
		if check(t, err); same {
			t.Error("a wrong password is the user's")
		}
	}
	_, err = f.HasPassword(ctx, "admin", password)
	wantCode(t, err, syncline.CodeThrottled)
	f.clock.Add(comparePace.Limit)
	same, err = f.HasPassword(ctx, "admin", password)
	if check(t, err); !same {
		t.Error("the password is not the user's after the wait")
	}
}
