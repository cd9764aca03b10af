package relational

import (
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline"
)

const selectKey = `SELECT id, description, created_at, managed_by FROM encryption_keys`

func scanKey(r Row) (k syncline.EncryptionKey, err error) {
	err = r.Scan(&k.ID, &k.Description, instant{&k.CreatedAt}, &k.ManagedBy)
	return k, err
}

// Keys implements store.Keys.
func (s *Store) Keys(ctx context.Context) ([]syncline.EncryptionKey, error) {
	return queryAll(ctx, s, "list encryption keys", scanKey, selectKey+` ORDER BY seq`)
}

// Key implements store.Keys.
func (s *Store) Key(ctx context.Context, id syncline.ID) (syncline.EncryptionKey, error) {
	return queryOne(ctx, s, "read an encryption key", notFound("encryption key", id), scanKey,
		selectKey+` WHERE id = ?`, string(id))
}

// SealedPassword implements store.Keys.
func (s *Store) SealedPassword(ctx context.Context, id syncline.ID) ([]byte, error) {
	return queryOne(ctx, s, "read a sealed password", notFound("encryption key", id),
		func(r Row) (sealed []byte, err error) {
			err = r.Scan(&sealed)
			return sealed, err
		},
		`SELECT sealed FROM encryption_keys WHERE id = ?`, string(id))
}

// AddKey implements store.Keys.
func (s *Store) AddKey(ctx context.Context, k syncline.EncryptionKey, sealed []byte) error {
	if sealed == nil {
		sealed = []byte{} // nil would be NULL
	}
	return s.update(ctx, Write{Doing: "add an encryption key", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx,
			`INSERT INTO encryption_keys (id, description, created_at, managed_by, sealed) VALUES (?, ?, ?, ?, ?)`,
			string(k.ID), k.Description, nanos(k.CreatedAt), k.ManagedBy, sealed)
		if errors.Is(err, ErrTaken) {
			return syncline.WrapError(syncline.CodeConflict, err, "there is an encryption key %q already", k.ID)
		}
		return err
	})
}

// UpdateKey implements store.Keys.
func (s *Store) UpdateKey(ctx context.Context, k syncline.EncryptionKey, sealed []byte) error {
	return s.update(ctx, Write{Doing: "change an encryption key", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var password any // NULL keeps the old one
		if sealed != nil {
			password = sealed
		}
		if err := keepsManager(ctx, tx, "encryption_keys", "id", string(k.ID), k.ManagedBy); err != nil {
			return err
		}
		return exec(ctx, tx, notFound("encryption key", k.ID),
			`UPDATE encryption_keys SET description = ?, managed_by = ?, sealed = coalesce(?, sealed) WHERE id = ?`,
			k.Description, k.ManagedBy, password, string(k.ID))
	})
}

// DeleteKey implements store.Keys.
func (s *Store) DeleteKey(ctx context.Context, id syncline.ID) error {
	return s.update(ctx, Write{Doing: "delete an encryption key", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var user string
		err := tx.QueryRow(ctx,
			`SELECT name FROM repositories WHERE encryption_key_id = ? ORDER BY seq LIMIT 1`, string(id)).Scan(&user)
		if err == nil {
			return syncline.Errorf(syncline.CodeConflict,
				"the repository %q uses this encryption key; give it another key or remove it first", user)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return exec(ctx, tx, notFound("encryption key", id),
			`DELETE FROM encryption_keys WHERE id = ?`, string(id))
	})
}
