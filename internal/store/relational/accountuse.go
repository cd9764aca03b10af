package relational

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// ShareAccount implements store.AccountUses. The account's row is locked, so that the
// nodes get their parts one after the other.
func (s *Store) ShareAccount(ctx context.Context, u store.AccountUse) (share store.AccountShare, err error) {
	err = s.update(ctx, Write{Doing: "divide an account's limits"}, func(ctx context.Context, tx Tx) error {
		var now time.Time
		err := tx.QueryRow(ctx, `SELECT connections, bytes_per_second, `+s.dialect.Now+` FROM accounts WHERE id = ?`+s.dialect.LockRow, string(u.Account)).
			Scan(&share.Limits.Connections, &share.Limits.BytesPerSecond, instant{&now})
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("account", u.Account)
		}
		if err != nil {
			return err
		}
		users, me, err := accountUsers(ctx, tx, u, s.dialect.Now, now)
		if err != nil {
			return err
		}
		whole := share.Limits.Connections
		if whole <= 0 {
			whole = u.Default
		}
		had := users[me].Has.Connections
		share.Has.Connections, share.Target.Connections = store.Divide(users, me, whole, u.Holds.Connections, now)
		share.Has.Rate, share.Target.Rate = store.DivideRate(users, me, u.Holds.Rate)
		if (had > 0) != (share.Has.Connections > 0) {
			users[me].Since = now
		}
		_, err = tx.Exec(ctx, `INSERT INTO account_users (account_id, node, connections, rate, wants, since, ends_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, `+s.dialect.Now+` + ?7)
			ON CONFLICT (account_id, node) DO UPDATE SET connections = excluded.connections, rate = excluded.rate,
			wants = excluded.wants, since = excluded.since, ends_at = excluded.ends_at`,
			string(u.Account), u.Node, share.Has.Connections, share.Has.Rate, u.Wants, users[me].Since.UnixNano(), int64(u.Length))
		return err
	})
	return share, err
}

// accountUsers returns the nodes that have a part of an account, and where the one that
// asks is among them.
func accountUsers(ctx context.Context, tx Tx, u store.AccountUse, clock string, now time.Time) (users []store.AccountUser, me int, err error) {
	users, err = scanAll(ctx, tx, func(r Row) (a store.AccountUser, err error) {
		err = r.Scan(&a.Node, &a.Has.Connections, &a.Has.Rate, &a.Wants, instant{&a.Since})
		return a, err
	}, `SELECT node, connections, rate, wants, since FROM account_users WHERE account_id = ? AND ends_at > `+clock+` ORDER BY node`, string(u.Account))
	if err != nil {
		return nil, 0, err
	}
	me = slices.IndexFunc(users, func(a store.AccountUser) bool { return a.Node == u.Node })
	if me < 0 {
		me, users = len(users), append(users, store.AccountUser{Node: u.Node, Since: now})
	}
	users[me].Wants = u.Wants
	return users, me, nil
}

// LeaveAccount implements store.AccountUses. The parts whose time has ended go as well,
// so that dead nodes leave nothing.
func (s *Store) LeaveAccount(ctx context.Context, account syncline.ID, node string) error {
	return s.update(ctx, Write{Doing: "give back a part of an account's limits"}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM account_users WHERE account_id = ? AND (node = ? OR ends_at <= `+s.dialect.Now+`)`, string(account), node)
		return err
	})
}
