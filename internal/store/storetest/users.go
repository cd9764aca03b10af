package storetest

import (
	"crypto/sha256"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testUsers(t *testing.T, s store.Store) {
	ctx := t.Context()
	if all := must(s.Users(ctx))(t); len(all) != 0 {
		t.Fatalf("a new store has users: %v", all)
	}
	zoe := addUser(t, s, "Zoë", syncline.RoleViewer)
	adam := addUser(t, s, "adam", syncline.RoleAdministrator)
	bert := addUser(t, s, "Bert", syncline.RoleOperator)
	if got := must(s.Users(ctx))(t); !reflect.DeepEqual(got, []syncline.User{adam, bert, zoe}) {
		t.Errorf("got %+v", got)
	}
	if got := must(s.User(ctx, "ZOË"))(t); got != zoe {
		t.Errorf("got %+v, want %+v", got, zoe)
	}
	wantCode(t, s.AddUser(ctx, syncline.User{Name: "zoË", Role: syncline.RoleViewer}), syncline.CodeConflict)

	check(t, s.SetPasswordHash(ctx, "BERT", "new hash"))
	bert.PasswordHash = "new hash"
	if got := must(s.User(ctx, "bert"))(t); got != bert {
		t.Errorf("got %+v, want %+v", got, bert)
	}
	bert.Role, bert.PasswordHash, bert.ManagedBy = syncline.RoleRestorer, "newer hash", "a file"
	changed := bert
	changed.Name = "BERT"
	token := newToken(newID(), "Bert", false)
	check(t, s.AddTokens(ctx, token))
	check(t, s.UpdateUser(ctx, changed))
	if got := must(s.User(ctx, "bert"))(t); got != bert {
		t.Errorf("got %+v, want %+v", got, bert)
	}
	_, err := s.Token(ctx, token.Hash, base)
	wantCode(t, err, syncline.CodeUnauthenticated) // another role, another sign-in
	token = newToken(newID(), "Bert", false)
	check(t, s.AddTokens(ctx, token))
	bert.ManagedBy = ""
	check(t, s.Release(ctx, "a file"))
	check(t, s.UpdateUser(ctx, syncline.User{Name: "bert"}))
	if got := must(s.User(ctx, "bert"))(t); got != bert {
		t.Errorf("got %+v, want %+v", got, bert)
	}
	must(s.Token(ctx, token.Hash, base))(t) // nothing has changed that a sign-in is about
	wantCode(t, s.UpdateUser(ctx, syncline.User{Name: "nobody", Role: syncline.RoleViewer}), syncline.CodeNotFound)
	check(t, s.DeleteUser(ctx, "ZOË"))
	_, err = s.User(ctx, zoe.Name)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.DeleteUser(ctx, zoe.Name), syncline.CodeNotFound)
	wantCode(t, s.SetPasswordHash(ctx, zoe.Name, "h"), syncline.CodeNotFound)
	addUser(t, s, "zoë", syncline.RoleViewer) // the name is free again
}

func testLastAdministrator(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "viewer", syncline.RoleViewer)
	check(t, s.DeleteUser(ctx, "viewer")) // no administrator is needed for that
	addUser(t, s, "one", syncline.RoleAdministrator)
	addUser(t, s, "operator", syncline.RoleOperator)
	token := newToken(newID(), "one", false)
	check(t, s.AddTokens(ctx, token))
	wantCode(t, s.DeleteUser(ctx, "ONE"), syncline.CodeConflict)
	wantCode(t, s.UpdateUser(ctx, syncline.User{Name: "ONE", Role: syncline.RoleViewer, PasswordHash: "h"}), syncline.CodeConflict)
	if got := must(s.User(ctx, "one"))(t); got.Role != syncline.RoleAdministrator || got.PasswordHash == "h" {
		t.Errorf("a refused change left %+v", got)
	}
	must(s.Token(ctx, token.Hash, base))(t) // the refusal ended nothing
	check(t, s.DeleteUser(ctx, "operator"))
	addUser(t, s, "two", syncline.RoleAdministrator)
	check(t, s.DeleteUser(ctx, "one"))
	wantCode(t, s.DeleteUser(ctx, "two"), syncline.CodeConflict)
}

func testLastAdministratorRace(t *testing.T, s store.Store) {
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		addUser(t, s, name, syncline.RoleAdministrator)
	}
	var refused atomic.Int32
	together(len(names), func(i int) {
		if err := s.DeleteUser(t.Context(), names[i]); syncline.CodeOf(err) == syncline.CodeConflict {
			refused.Add(1)
		} else if err != nil {
			t.Error(err)
		}
	})
	if left := must(s.Users(t.Context()))(t); len(left) != 1 || refused.Load() != 1 {
		t.Errorf("%d were refused, %v are left", refused.Load(), left)
	}
}

// newToken makes a token that lives for an hour after base.
func newToken(family syncline.ID, user string, refresh bool) store.Token {
	return store.Token{
		Hash: sha256.Sum256([]byte(newID())), Family: family, UserName: user,
		Refresh: refresh, ExpiresAt: base.Add(time.Hour),
	}
}

func wantDead(t *testing.T, s store.Store, token store.Token) {
	t.Helper()
	_, err := s.Token(t.Context(), token.Hash, base)
	wantCode(t, err, syncline.CodeUnauthenticated)
}

func testTokens(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "Adam", syncline.RoleAdministrator)
	family, other := newID(), newID()
	access, refresh := newToken(family, "ADAM", false), newToken(family, "Adam", true)
	elsewhere := newToken(other, "Adam", false)
	wantDead(t, s, access)
	check(t, s.AddTokens(ctx))
	check(t, s.AddTokens(ctx, access, refresh))
	check(t, s.AddTokens(ctx, elsewhere))

	access.UserName = "Adam" // as the user's own record has it
	for _, want := range []store.Token{access, refresh, elsewhere} {
		if got := must(s.Token(ctx, want.Hash, base))(t); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	wantCode(t, s.AddTokens(ctx, newToken(newID(), "nobody", false)), syncline.CodeNotFound)

	// All of a call's tokens or none.
	fresh := newToken(family, "Adam", false)
	wantCode(t, s.AddTokens(ctx, fresh, access), syncline.CodeConflict)
	wantDead(t, s, fresh)

	addUser(t, s, "Eve", syncline.RoleViewer)
	wantCode(t, s.AddTokens(ctx, newToken(family, "Eve", false)), syncline.CodeConflict)

	check(t, s.EndFamily(ctx, family))
	wantDead(t, s, access)
	wantDead(t, s, refresh)
	_, err := s.UseRefreshToken(ctx, refresh.Hash, base)
	wantCode(t, err, syncline.CodeUnauthenticated)
	must(s.Token(ctx, elsewhere.Hash, base))(t)
	check(t, s.EndFamily(ctx, family))
	check(t, s.EndFamily(ctx, newID()))
}

func testTokenExpiry(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "adam", syncline.RoleAdministrator)
	token := newToken(newID(), "adam", true)
	check(t, s.AddTokens(ctx, token))
	must(s.Token(ctx, token.Hash, token.ExpiresAt.Add(-1)))(t)
	_, err := s.Token(ctx, token.Hash, token.ExpiresAt)
	wantCode(t, err, syncline.CodeUnauthenticated)
	_, err = s.UseRefreshToken(ctx, token.Hash, token.ExpiresAt)
	wantCode(t, err, syncline.CodeUnauthenticated)
	// That refusal used nothing up.
	must(s.UseRefreshToken(ctx, token.Hash, token.ExpiresAt.Add(-1)))(t)
}

func testRefreshOnce(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "adam", syncline.RoleAdministrator)
	family := newID()
	access, refresh := newToken(family, "adam", false), newToken(family, "adam", true)
	elsewhere := newToken(newID(), "adam", false)
	check(t, s.AddTokens(ctx, access, refresh, elsewhere))

	_, err := s.UseRefreshToken(ctx, access.Hash, base) // an access token is none
	wantCode(t, err, syncline.CodeUnauthenticated)
	unknown, err := s.UseRefreshToken(ctx, [32]byte{1}, base)
	wantCode(t, err, syncline.CodeUnauthenticated)
	if unknown != (store.Token{}) {
		t.Errorf("an unknown token is %+v", unknown)
	}
	if got := must(s.UseRefreshToken(ctx, refresh.Hash, base))(t); got != refresh {
		t.Errorf("got %+v, want %+v", got, refresh)
	}
	wantDead(t, s, refresh)
	must(s.Token(ctx, access.Hash, base))(t)
	if name := must(s.FamilyUser(ctx, family))(t); name != "adam" {
		t.Errorf("the family is %q's", name)
	}
	_, err = s.FamilyUser(ctx, newID())
	wantCode(t, err, syncline.CodeUnauthenticated)
	next := newToken(family, "adam", true)
	check(t, s.AddTokens(ctx, next))

	again, err := s.UseRefreshToken(ctx, refresh.Hash, base)
	wantCode(t, err, syncline.CodeUnauthenticated)
	if again != refresh {
		t.Errorf("a used token is %+v, want %+v", again, refresh)
	}
	wantDead(t, s, access)
	wantDead(t, s, next)
	_, err = s.FamilyUser(ctx, family)
	wantCode(t, err, syncline.CodeUnauthenticated)
	_, err = s.UseRefreshToken(ctx, next.Hash, base)
	wantCode(t, err, syncline.CodeUnauthenticated)
	must(s.Token(ctx, elsewhere.Hash, base))(t) // another sign-in goes on
}

func testRefreshRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "adam", syncline.RoleAdministrator)
	family := newID()
	access, refresh := newToken(family, "adam", false), newToken(family, "adam", true)
	check(t, s.AddTokens(ctx, access, refresh))
	var winners, losers atomic.Int32
	together(16, func(int) {
		_, err := s.UseRefreshToken(ctx, refresh.Hash, base)
		switch {
		case err == nil:
			winners.Add(1)
		case syncline.CodeOf(err) == syncline.CodeUnauthenticated:
			losers.Add(1)
		default:
			t.Error(err)
		}
	})
	if winners.Load() != 1 || losers.Load() != 15 {
		t.Errorf("%d winners and %d losers, want 1 and 15", winners.Load(), losers.Load())
	}
	wantDead(t, s, access) // the losers' use was a second one
}

func testEndedFamilyTakesNoTokens(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "adam", syncline.RoleAdministrator)
	family := newID()
	refresh := newToken(family, "adam", true)
	check(t, s.AddTokens(ctx, refresh))
	must(s.UseRefreshToken(ctx, refresh.Hash, base))(t)
	check(t, s.EndFamily(ctx, family))
	late := newToken(family, "adam", false)
	wantCode(t, s.AddTokens(ctx, late), syncline.CodeUnauthenticated)
	wantDead(t, s, late)
}

func testUserChangesEndTokens(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "adam", syncline.RoleAdministrator)
	addUser(t, s, "bert", syncline.RoleOperator)
	mine, yours := newToken(newID(), "adam", true), newToken(newID(), "bert", true)
	second := newToken(newID(), "bert", false)
	check(t, s.AddTokens(ctx, mine))
	check(t, s.AddTokens(ctx, yours, second))

	check(t, s.SetPasswordHash(ctx, "bert", "h"))
	wantDead(t, s, yours)
	wantDead(t, s, second)
	must(s.Token(ctx, mine.Hash, base))(t)
	wantCode(t, s.AddTokens(ctx, newToken(yours.Family, "bert", false)), syncline.CodeUnauthenticated)

	third := newToken(newID(), "bert", false)
	check(t, s.AddTokens(ctx, third))
	check(t, s.DeleteUser(ctx, "bert"))
	wantDead(t, s, third)
	addUser(t, s, "bert", syncline.RoleAdministrator) // a namesake inherits nothing
	wantDead(t, s, third)
	wantDead(t, s, yours)
}

func testDeleteExpired(t *testing.T, s store.Store) {
	ctx := t.Context()
	addUser(t, s, "adam", syncline.RoleAdministrator)
	short, long := newToken(newID(), "adam", true), newToken(newID(), "adam", true)
	long.ExpiresAt = base.Add(2 * time.Hour)
	check(t, s.AddTokens(ctx, short, long))
	check(t, s.DeleteExpired(ctx, short.ExpiresAt)) // not before that moment
	must(s.Token(ctx, short.Hash, base))(t)
	check(t, s.DeleteExpired(ctx, short.ExpiresAt.Add(1)))
	wantDead(t, s, short)
	must(s.Token(ctx, long.Hash, base))(t)
	check(t, s.AddTokens(ctx, short)) // gone for good, so it can be added
}

func testManagers(t *testing.T, s store.Store) {
	ctx := t.Context()
	key := syncline.EncryptionKey{ID: newID(), CreatedAt: base, ManagedBy: "b"}
	check(t, s.AddKey(ctx, key, nil))
	check(t, s.AddUser(ctx, syncline.User{Name: "ann", Role: syncline.RoleViewer, CreatedAt: base, ManagedBy: "b"}))
	check(t, s.AddRepository(ctx, syncline.Repository{ID: newID(), Name: "r", EncryptionKeyID: key.ID, CreatedAt: base, ManagedBy: "a"}))
	addUser(t, s, "nobody's", syncline.RoleViewer)
	if got := must(s.Managers(ctx))(t); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	wantCode(t, s.Release(ctx, "B"), syncline.CodeNotFound)
	wantCode(t, s.Release(ctx, ""), syncline.CodeNotFound)
	check(t, s.Release(ctx, "b"))
	if got := must(s.Managers(ctx))(t); !reflect.DeepEqual(got, []string{"a"}) {
		t.Errorf("got %q", got)
	}
	if got := must(s.Key(ctx, key.ID))(t); got.ManagedBy != "" {
		t.Errorf("got %+v", got)
	}
}
