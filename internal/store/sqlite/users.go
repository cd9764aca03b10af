package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const selectUser = `SELECT name, role, password_hash, created_at FROM users`

func scanUser(r row) (u syncline.User, err error) {
	err = r.Scan(&u.Name, &u.Role, &u.PasswordHash, instant{&u.CreatedAt})
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
	return s.update(ctx, "add a user", func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx,
			`INSERT INTO users (name, name_key, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?)`,
			u.Name, store.FoldName(u.Name), string(u.Role), u.PasswordHash, nanos(u.CreatedAt))
		if isTaken(err) {
			return syncline.WrapError(syncline.CodeConflict, err,
				"there is a user with the name %q already; choose another name", u.Name)
		}
		return err
	})
}

// SetPasswordHash implements store.Users.
func (s *Store) SetPasswordHash(ctx context.Context, name, hash string) error {
	key := store.FoldName(name)
	return s.update(ctx, "change a password", func(ctx context.Context, conn *sql.Conn) error {
		err := exec(ctx, conn, notFound("user", name),
			`UPDATE users SET password_hash = ? WHERE name_key = ?`, hash, key)
		if err != nil {
			return err
		}
		_, err = conn.ExecContext(ctx, `UPDATE token_families SET ended = 1
			WHERE user_seq = (SELECT seq FROM users WHERE name_key = ?)`, key)
		return err
	})
}

// DeleteUser implements store.Users. The tokens go with the user by the
// schema's foreign keys.
func (s *Store) DeleteUser(ctx context.Context, name string) error {
	key := store.FoldName(name)
	return s.update(ctx, "delete a user", func(ctx context.Context, conn *sql.Conn) error {
		var role syncline.Role
		err := conn.QueryRowContext(ctx, `SELECT role FROM users WHERE name_key = ?`, key).Scan(&role)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("user", name)
		}
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, `DELETE FROM users WHERE name_key = ?`, key); err != nil {
			return err
		}
		var administrators int
		err = conn.QueryRowContext(ctx, `SELECT count(*) FROM users WHERE role = ?`,
			string(syncline.RoleAdministrator)).Scan(&administrators)
		if err != nil {
			return err
		}
		if role == syncline.RoleAdministrator && administrators == 0 {
			return syncline.Errorf(syncline.CodeConflict, // undoes the deletion
				"%q is the last administrator; add another one first", name)
		}
		return nil
	})
}
