package relational

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const selectUser = `SELECT name, role, password_hash, created_at, managed_by FROM users`

func scanUser(r Row) (u syncline.User, err error) {
	err = r.Scan(&u.Name, &u.Role, &u.PasswordHash, instant{&u.CreatedAt}, &u.ManagedBy)
	return u, err
}

// Users implements store.Users.
func (s *Store) Users(ctx context.Context) ([]syncline.User, error) {
	return queryAll(ctx, s, "list users", scanUser, selectUser+` ORDER BY name_key`)
}

// User implements store.Users.
func (s *Store) User(ctx context.Context, name string) (syncline.User, error) {
	return queryOne(ctx, s, "read a user", notFound("user", name), scanUser,
		selectUser+` WHERE name_key = ?`, store.FoldName(name))
}

// AddUser implements store.Users.
func (s *Store) AddUser(ctx context.Context, u syncline.User) error {
	return s.update(ctx, Write{Doing: "add a user", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx,
			`INSERT INTO users (name, name_key, role, password_hash, created_at, managed_by) VALUES (?, ?, ?, ?, ?, ?)`,
			u.Name, store.FoldName(u.Name), string(u.Role), u.PasswordHash, nanos(u.CreatedAt), u.ManagedBy)
		if errors.Is(err, ErrTaken) {
			return syncline.WrapError(syncline.CodeConflict, err,
				"there is a user with the name %q already; choose another name", u.Name)
		}
		return err
	})
}

// SetPasswordHash implements store.Users.
func (s *Store) SetPasswordHash(ctx context.Context, name, hash string) error {
	key := store.FoldName(name)
	return s.update(ctx, Write{Doing: "change a password", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		err := exec(ctx, tx, notFound("user", name),
			`UPDATE users SET password_hash = ? WHERE name_key = ?`, hash, key)
		if err != nil {
			return err
		}
		return endTokens(ctx, tx, key)
	})
}

// UpdateUser implements store.Users.
func (s *Store) UpdateUser(ctx context.Context, u syncline.User) error {
	key := store.FoldName(u.Name)
	return s.update(ctx, Write{Doing: "change a user", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		var role syncline.Role
		var hash string
		err := tx.QueryRow(ctx, `SELECT role, password_hash FROM users WHERE name_key = ?`, key).Scan(&role, &hash)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("user", u.Name)
		}
		if err != nil {
			return err
		}
		if err := keepsManager(ctx, tx, "users", "name_key", key, u.ManagedBy); err != nil {
			return err
		}
		u.Role, u.PasswordHash = cmp.Or(u.Role, role), cmp.Or(u.PasswordHash, hash)
		_, err = tx.Exec(ctx, `UPDATE users SET role = ?, password_hash = ?, managed_by = ? WHERE name_key = ?`,
			string(u.Role), u.PasswordHash, u.ManagedBy, key)
		if err != nil || role == u.Role && hash == u.PasswordHash {
			return err
		}
		if err := endTokens(ctx, tx, key); err != nil {
			return err
		}
		return keepAdministrator(ctx, tx, u.Name, role)
	})
}

// endTokens ends all tokens of a user.
func endTokens(ctx context.Context, tx Tx, key string) error {
	_, err := tx.Exec(ctx, `UPDATE token_families SET ended = TRUE
		WHERE user_seq = (SELECT seq FROM users WHERE name_key = ?)`, key)
	return err
}

// keepAdministrator fails, and so undoes the change, when a user who had the role was
// the last administrator.
func keepAdministrator(ctx context.Context, tx Tx, name string, had syncline.Role) error {
	if had != syncline.RoleAdministrator {
		return nil
	}
	var administrators int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM users WHERE role = ?`,
		string(syncline.RoleAdministrator)).Scan(&administrators)
	if err == nil && administrators == 0 {
		err = syncline.Errorf(syncline.CodeConflict, "%q is the last administrator; add another one first", name)
	}
	return err
}

// DeleteUser implements store.Users. The tokens go with the user by the
// schema's foreign keys.
func (s *Store) DeleteUser(ctx context.Context, name string) error {
	key := store.FoldName(name)
	return s.update(ctx, Write{Doing: "delete a user", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		var role syncline.Role
		err := tx.QueryRow(ctx, `SELECT role FROM users WHERE name_key = ?`, key).Scan(&role)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("user", name)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM users WHERE name_key = ?`, key); err != nil {
			return err
		}
		return keepAdministrator(ctx, tx, name, role)
	})
}
