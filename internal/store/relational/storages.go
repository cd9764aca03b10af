package relational

import (
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// jsonMap scans what mapText made. A map without fields is nil.
type jsonMap struct{ to *map[string]string }

// Scan implements sql.Scanner.
func (j jsonMap) Scan(v any) error {
	*j.to = nil
	err := jsonText{j.to}.Scan(v)
	if len(*j.to) == 0 {
		*j.to = nil
	}
	return err
}

func mapText(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	return asJSON(m)
}

const selectAccount = `SELECT id, kind, user_name, method, settings, description, connections, bytes_per_second, created_at, managed_by FROM accounts`

func scanAccount(r Row) (a syncline.Account, err error) {
	err = r.Scan(&a.ID, &a.Kind, &a.UserName, &a.Method, jsonMap{&a.Settings}, &a.Description, &a.Limits.Connections, &a.Limits.BytesPerSecond,
		instant{&a.CreatedAt}, &a.ManagedBy)
	return a, err
}

// Accounts implements store.Accounts.
func (s *Store) Accounts(ctx context.Context) ([]syncline.Account, error) {
	return queryAll(ctx, s, "list accounts", scanAccount, selectAccount+` ORDER BY seq`)
}

// Account implements store.Accounts.
func (s *Store) Account(ctx context.Context, id syncline.ID) (syncline.Account, error) {
	return queryOne(ctx, s, "read an account", notFound("account", id), scanAccount,
		selectAccount+` WHERE id = ?`, string(id))
}

// SealedSecret implements store.Accounts.
func (s *Store) SealedSecret(ctx context.Context, id syncline.ID) ([]byte, error) {
	return queryOne(ctx, s, "read a sealed secret", notFound("account", id),
		func(r Row) (sealed []byte, err error) {
			err = r.Scan(&sealed)
			return sealed, err
		},
		`SELECT sealed FROM accounts WHERE id = ?`, string(id))
}

// AddAccount implements store.Accounts.
func (s *Store) AddAccount(ctx context.Context, a syncline.Account, sealed []byte) error {
	if sealed == nil {
		sealed = []byte{} // nil would be NULL
	}
	return s.update(ctx, Write{Doing: "add an account", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx,
			`INSERT INTO accounts (id, kind, user_name, method, settings, description, connections, bytes_per_second, created_at, managed_by, sealed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(a.ID), string(a.Kind), a.UserName, a.Method, mapText(a.Settings), a.Description, a.Limits.Connections, a.Limits.BytesPerSecond, nanos(a.CreatedAt), a.ManagedBy, sealed)
		if errors.Is(err, ErrTaken) {
			return syncline.WrapError(syncline.CodeConflict, err, "there is an account %q already", a.ID)
		}
		return err
	})
}

// UpdateAccount implements store.Accounts.
func (s *Store) UpdateAccount(ctx context.Context, a syncline.Account, sealed []byte) error {
	return s.update(ctx, Write{Doing: "change an account", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var secret any // NULL keeps the old one
		if sealed != nil {
			secret = sealed
		}
		if err := keepsManager(ctx, tx, "accounts", "id", string(a.ID), a.ManagedBy); err != nil {
			return err
		}
		return exec(ctx, tx, notFound("account", a.ID),
			`UPDATE accounts SET user_name = ?, method = ?, settings = ?, description = ?, connections = ?, bytes_per_second = ?,
			managed_by = ?, sealed = coalesce(?, sealed) WHERE id = ?`,
			a.UserName, a.Method, mapText(a.Settings), a.Description, a.Limits.Connections, a.Limits.BytesPerSecond, a.ManagedBy, secret, string(a.ID))
	})
}

// DeleteAccount implements store.Accounts.
func (s *Store) DeleteAccount(ctx context.Context, id syncline.ID) error {
	return s.update(ctx, Write{Doing: "delete an account", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var user string
		err := tx.QueryRow(ctx,
			`SELECT name FROM object_storages WHERE account_id = ? ORDER BY seq LIMIT 1`, string(id)).Scan(&user)
		if err == nil {
			return syncline.Errorf(syncline.CodeConflict,
				"the object storage %q uses this account; give it another account or remove it first", user)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return exec(ctx, tx, notFound("account", id), `DELETE FROM accounts WHERE id = ?`, string(id))
	})
}

const selectStorage = `SELECT id, name, description, kind, account_id, cloud, endpoint, region, bucket, folder, settings,
	created_at, managed_by FROM object_storages`

func scanStorage(r Row) (v syncline.ObjectStorage, err error) {
	err = r.Scan(&v.ID, &v.Name, &v.Description, &v.Kind, &v.AccountID, &v.Cloud, &v.Endpoint, &v.Region,
		&v.Bucket, &v.Folder, jsonMap{&v.Settings}, instant{&v.CreatedAt}, &v.ManagedBy)
	return v, err
}

// ObjectStorages implements store.ObjectStorages.
func (s *Store) ObjectStorages(ctx context.Context) ([]syncline.ObjectStorage, error) {
	return queryAll(ctx, s, "list object storages", scanStorage, selectStorage+` ORDER BY seq`)
}

// ObjectStorage implements store.ObjectStorages.
func (s *Store) ObjectStorage(ctx context.Context, id syncline.ID) (syncline.ObjectStorage, error) {
	return queryOne(ctx, s, "read an object storage", notFound("object storage", id), scanStorage,
		selectStorage+` WHERE id = ?`, string(id))
}

// AddObjectStorage implements store.ObjectStorages.
func (s *Store) AddObjectStorage(ctx context.Context, v syncline.ObjectStorage) error {
	return s.update(ctx, Write{Doing: "add an object storage", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO object_storages (id, name, name_key, description, kind,
			account_id, cloud, endpoint, region, bucket, folder, settings, created_at, managed_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(v.ID), v.Name, store.FoldName(v.Name), v.Description, string(v.Kind), string(v.AccountID),
			string(v.Cloud), v.Endpoint, v.Region, v.Bucket, v.Folder, mapText(v.Settings), nanos(v.CreatedAt), v.ManagedBy)
		return storageError(err, v)
	})
}

// UpdateObjectStorage implements store.ObjectStorages.
func (s *Store) UpdateObjectStorage(ctx context.Context, v syncline.ObjectStorage) error {
	return s.update(ctx, Write{Doing: "change an object storage", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		if err := keepsManager(ctx, tx, "object_storages", "id", string(v.ID), v.ManagedBy); err != nil {
			return err
		}
		err := exec(ctx, tx, notFound("object storage", v.ID), `UPDATE object_storages SET name = ?, name_key = ?,
			description = ?, kind = ?, account_id = ?, cloud = ?, endpoint = ?, region = ?, bucket = ?, folder = ?,
			settings = ?, managed_by = ? WHERE id = ?`,
			v.Name, store.FoldName(v.Name), v.Description, string(v.Kind), string(v.AccountID),
			string(v.Cloud), v.Endpoint, v.Region, v.Bucket, v.Folder, mapText(v.Settings), v.ManagedBy, string(v.ID))
		return storageError(err, v)
	})
}

func storageError(err error, v syncline.ObjectStorage) error {
	switch {
	case errors.Is(err, ErrTaken):
		return syncline.WrapError(syncline.CodeConflict, err,
			"there is an object storage with the name %q already; choose another name", v.Name)
	case errors.Is(err, ErrDangling):
		return syncline.WrapError(syncline.CodeInvalid, err, "there is no account %q; add it first", v.AccountID)
	}
	return err
}

// DeleteObjectStorage implements store.ObjectStorages.
func (s *Store) DeleteObjectStorage(ctx context.Context, id syncline.ID) error {
	return s.update(ctx, Write{Doing: "delete an object storage", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var user string
		err := tx.QueryRow(ctx,
			`SELECT name FROM repositories WHERE object_storage_id = ? ORDER BY seq LIMIT 1`, string(id)).Scan(&user)
		if err == nil {
			return syncline.Errorf(syncline.CodeConflict,
				"the repository %q lies in this object storage; give it another place or remove it first", user)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return exec(ctx, tx, notFound("object storage", id), `DELETE FROM object_storages WHERE id = ?`, string(id))
	})
}
