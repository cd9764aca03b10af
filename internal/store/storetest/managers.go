package storetest

import (
	"context"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// testKeepManager changes records that a file has declared meanwhile: no change takes one
// from its file, and only that file's own changes go on.
func testKeepManager(t *testing.T, s store.Store) {
	ctx, r, k := t.Context(), addRepository(t, s, "r"), addKey(t, s)
	o := addStorage(t, s, "storage")
	a := must(s.Account(ctx, o.AccountID))(t)
	u := syncline.User{Name: "ann", Role: syncline.RoleViewer, PasswordHash: "hash", CreatedAt: base}
	check(t, s.AddUser(ctx, u))
	rule := syncline.AlarmRule{ID: newID(), Name: "rule", Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityInfo, CreatedAt: base}
	check(t, s.AddAlarmRule(ctx, rule))
	for what, update := range map[string]struct {
		as func(ctx context.Context, file string) error
		by func() string
	}{
		"repository": {func(ctx context.Context, file string) error {
			r.ManagedBy = file
			return s.UpdateRepository(ctx, r)
		}, func() string { return must(s.Repository(ctx, r.ID))(t).ManagedBy }},
		"key": {func(ctx context.Context, file string) error {
			k.ManagedBy = file
			return s.UpdateKey(ctx, k, nil)
		}, func() string { return must(s.Key(ctx, k.ID))(t).ManagedBy }},
		"account": {func(ctx context.Context, file string) error {
			a.ManagedBy = file
			return s.UpdateAccount(ctx, a, nil)
		}, func() string { return must(s.Account(ctx, a.ID))(t).ManagedBy }},
		"storage": {func(ctx context.Context, file string) error {
			o.ManagedBy = file
			return s.UpdateObjectStorage(ctx, o)
		}, func() string { return must(s.ObjectStorage(ctx, o.ID))(t).ManagedBy }},
		"user": {func(ctx context.Context, file string) error {
			u.ManagedBy = file
			return s.UpdateUser(ctx, u)
		}, func() string { return must(s.User(ctx, u.Name))(t).ManagedBy }},
		"rule": {func(ctx context.Context, file string) error {
			rule.ManagedBy = file
			return s.UpdateAlarmRule(ctx, rule)
		}, func() string { return must(s.AlarmRule(ctx, rule.ID))(t).ManagedBy }},
	} {
		t.Run(what, func(t *testing.T) {
			check(t, update.as(ctx, ""))
			check(t, update.as(ctx, "a file"))
			wantCode(t, update.as(ctx, ""), syncline.CodeConflict)
			wantCode(t, update.as(ctx, "another file"), syncline.CodeConflict)
			if got := update.by(); got != "a file" {
				t.Errorf("it is declared by %q", got)
			}
			check(t, update.as(ctx, "a file"))
			check(t, s.Release(ctx, "a file"))
			check(t, update.as(ctx, ""))
			check(t, update.as(ctx, "another file"))
		})
	}
}
