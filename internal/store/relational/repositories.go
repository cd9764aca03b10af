package relational

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const repositoryFields = `id, name, description, path,
	coalesce(object_storage_id, ''), coalesce(encryption_key_id, ''), retention_type, retention_period_type, retention_yearly,
	sync_disabled, sync_interval, sync_cron, sync_zone, out_of_sync, created_at, catalog, catalog_changes, restic_id, managed_by, node_id`

const selectRepository = `SELECT ` + repositoryFields + ` FROM repositories`

func scanRepository(r Row) (v syncline.Repository, err error) {
	err = r.Scan(&v.ID, &v.Name, &v.Description, &v.Path, &v.ObjectStorageID,
		&v.EncryptionKeyID, &v.Retention.Type, &v.Retention.PeriodType, &v.Retention.YearlyPeriod,
		&v.Schedule.Disabled, &v.Schedule.Interval, &v.Schedule.Cron, &v.Schedule.TimeZone,
		&v.OutOfSync, instant{&v.CreatedAt}, &v.Catalog.Catalog, &v.Catalog.Changes, &v.ResticID, &v.ManagedBy, &v.NodeID)
	return v, err
}

// Repositories implements store.Repositories.
func (s *Store) Repositories(ctx context.Context) ([]syncline.Repository, error) {
	if _, err := s.engine.Reader(); err != nil {
		return nil, err
	}
	if s.dialect.Edge != "" {
		list, err := s.changedRepositories.get(ctx, s, "list repositories")
		return slices.Clone(list), err
	}
	list, err := s.repositories.get(s.writes, func() ([]syncline.Repository, error) {
		return queryAll(ctx, s, "list repositories", scanRepository, selectRepository+` ORDER BY seq`)
	})
	return slices.Clone(list), err
}

// Repository implements store.Repositories.
func (s *Store) Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error) {
	return queryOne(ctx, s, "read a repository", notFound("repository", id), scanRepository,
		selectRepository+` WHERE id = ?`, string(id))
}

// AddRepository implements store.Repositories.
func (s *Store) AddRepository(ctx context.Context, r syncline.Repository) error {
	return s.update(ctx, Write{Doing: "add a repository", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		if err := keyExists(ctx, tx, r.EncryptionKeyID); err != nil {
			return err
		}
		if err := nodeExists(ctx, tx, r.NodeID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO repositories (id, name, name_key, description, path,
			object_storage_id, encryption_key_id, retention_type, retention_period_type, retention_yearly,
			sync_disabled, sync_interval, sync_cron, sync_zone,
			out_of_sync, created_at, restic_id, managed_by, node_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(r.ID), r.Name, store.FoldName(r.Name), r.Description, r.Path,
			nullable(r.ObjectStorageID), nullable(r.EncryptionKeyID),
			r.Retention.Type, r.Retention.PeriodType, r.Retention.YearlyPeriod,
			r.Schedule.Disabled, int64(r.Schedule.Interval), r.Schedule.Cron, r.Schedule.TimeZone,
			r.OutOfSync, nanos(r.CreatedAt), r.ResticID, r.ManagedBy, string(r.NodeID))
		return repositoryError(err, &r)
	})
}

// UpdateRepository implements store.Repositories.
func (s *Store) UpdateRepository(ctx context.Context, r syncline.Repository) error {
	return s.update(ctx, Write{Doing: "change a repository", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		if err := keyExists(ctx, tx, r.EncryptionKeyID); err != nil {
			return err
		}
		if err := newNodeExists(ctx, tx, r); err != nil {
			return err
		}
		if err := keepsManager(ctx, tx, "repositories", "id", string(r.ID), r.ManagedBy); err != nil {
			return err
		}
		err := exec(ctx, tx, notFound("repository", r.ID), `UPDATE repositories SET name = ?, name_key = ?,
			description = ?, path = ?, object_storage_id = ?, encryption_key_id = ?, retention_type = ?,
			retention_period_type = ?, retention_yearly = ?,
			sync_disabled = ?, sync_interval = ?, sync_cron = ?, sync_zone = ?, restic_id = ?, managed_by = ?, node_id = ? WHERE id = ?`,
			r.Name, store.FoldName(r.Name), r.Description, r.Path,
			nullable(r.ObjectStorageID), nullable(r.EncryptionKeyID),
			r.Retention.Type, r.Retention.PeriodType, r.Retention.YearlyPeriod,
			r.Schedule.Disabled, int64(r.Schedule.Interval), r.Schedule.Cron, r.Schedule.TimeZone, r.ResticID, r.ManagedBy, string(r.NodeID), string(r.ID))
		return repositoryError(err, &r)
	})
}

// keyExists fails when the encryption key of a repository is unknown.
func keyExists(ctx context.Context, q Querier, key syncline.ID) error {
	if key == "" {
		return nil
	}
	var known bool
	err := q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM encryption_keys WHERE id = ?)`, string(key)).Scan(&known)
	if err == nil && !known {
		return syncline.Errorf(syncline.CodeInvalid, "there is no encryption key %q; add it first", key)
	}
	return err
}

// nodeExists fails when a repository is to be bound to an unknown node. Nodes are removed
// in the same area.
func nodeExists(ctx context.Context, q Querier, node syncline.ID) error {
	if node == "" {
		return nil
	}
	var known bool
	err := q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM nodes WHERE id = ?)`, string(node)).Scan(&known)
	if err == nil && !known {
		return syncline.Errorf(syncline.CodeConflict, "the node %s was removed; choose another node for the repository", node)
	}
	return err
}

// newNodeExists is nodeExists for a node that the repository does not have already. Its
// own one may have given no sign of life yet, as after a migration.
func newNodeExists(ctx context.Context, q Querier, r syncline.Repository) error {
	var same bool
	err := q.QueryRow(ctx, `SELECT node_id = ? FROM repositories WHERE id = ?`, string(r.NodeID), string(r.ID)).Scan(&same)
	if same || errors.Is(err, sql.ErrNoRows) { // the update says that it is not there
		return nil
	}
	if err != nil {
		return err
	}
	return nodeExists(ctx, q, r.NodeID)
}

func repositoryError(err error, r *syncline.Repository) error {
	switch {
	case errors.Is(err, ErrTaken):
		return syncline.WrapError(syncline.CodeConflict, err,
			"there is a repository with the name %q already; choose another name", r.Name)
	case errors.Is(err, ErrDangling):
		return syncline.WrapError(syncline.CodeInvalid, err,
			"there is no object storage %q; add it first", r.ObjectStorageID)
	}
	return err
}

// SetOutOfSync implements store.Repositories.
func (s *Store) SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error {
	return s.update(ctx, Write{Doing: "mark a repository", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("repository", id),
			`UPDATE repositories SET out_of_sync = ? WHERE id = ?`, outOfSync, string(id))
	})
}

// SetResticID implements store.Repositories.
func (s *Store) SetResticID(ctx context.Context, id syncline.ID, resticID string) error {
	return s.update(ctx, Write{Doing: "record the id of a repository", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("repository", id),
			`UPDATE repositories SET restic_id = ? WHERE id = ?`, resticID, string(id))
	})
}

// SetSynchronized implements store.Repositories.
func (s *Store) SetSynchronized(ctx context.Context, session syncline.ID, epoch int64, catalog syncline.CatalogMark) error {
	return s.markOf(ctx, session, epoch, `out_of_sync = FALSE, catalog = ?, catalog_changes = ?`,
		catalog.Catalog, int64(catalog.Changes)) //nolint:gosec // below 2^63, as the catalog begins to count below 2^62
}

// SetBehind implements store.Repositories.
func (s *Store) SetBehind(ctx context.Context, session syncline.ID, epoch int64) error {
	return s.markOf(ctx, session, epoch, `out_of_sync = TRUE`)
}

// markOf changes the repository of a session that has this epoch. Nobody takes the
// session meanwhile.
func (s *Store) markOf(ctx context.Context, session syncline.ID, epoch int64, change string, args ...any) error {
	return s.update(ctx, Write{Doing: "mark a repository", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		err := exec(ctx, tx, errNoRow, `UPDATE repositories SET `+change+`
			WHERE seq = (SELECT repository_seq FROM work WHERE id = ? AND epoch = ?`+s.dialect.LockRow+`)`, append(slices.Clone(args), string(session), epoch)...)
		if !errors.Is(err, errNoRow) {
			return err
		}
		if _, err := workByID(ctx, tx, session); err != nil {
			return err
		}
		return errTaken
	})
}

// DeleteRepository implements store.Repositories. The schema's foreign keys remove what
// is added meanwhile.
func (s *Store) DeleteRepository(ctx context.Context, id syncline.ID) error {
	if err := s.empty(ctx, id); err != nil {
		return err
	}
	if err := s.emptySeries(ctx, id); err != nil {
		return err
	}
	return s.update(ctx, Write{Doing: "delete a repository", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("repository", id),
			`DELETE FROM repositories WHERE id = ?`, string(id))
	})
}
