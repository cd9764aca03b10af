package relational

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func scanImmutability(r Row) (i syncline.Immutability, err error) {
	err = r.Scan(&i.RepositoryID, &i.ObjectStorageID, instant{&i.At}, &i.Error, &i.Told, instant{&i.Oldest}, instant{&i.Newest}, &i.Rule,
		&i.Looked, &i.Kept, &i.Held, &i.Archived, &i.Class, &i.Whole, &i.Rights)
	return i, err
}

const selectImmutability = `SELECT r.id, i.storage_id, i.at, i.error, i.told, i.oldest, i.newest, i.rule,
	i.looked, i.kept, i.held, i.archived, i.class, i.whole, i.rights
	FROM immutability i JOIN repositories r ON r.seq = i.repository_seq WHERE i.at IS NOT NULL`

// Immutabilities implements store.Immutabilities.
func (s *Store) Immutabilities(ctx context.Context) ([]syncline.Immutability, error) {
	return queryAll(ctx, s, "list looks at storages", scanImmutability, selectImmutability+` ORDER BY i.repository_seq`)
}

// Immutability implements store.Immutabilities.
func (s *Store) Immutability(ctx context.Context, repository syncline.ID) (syncline.Immutability, error) {
	list, err := queryAll(ctx, s, "read a look at a storage", scanImmutability, selectImmutability+` AND r.id = ?`, string(repository))
	if err != nil || len(list) == 0 {
		return syncline.Immutability{RepositoryID: repository}, err
	}
	return list[0], nil
}

// ClaimLook implements store.Immutabilities. A time that lies ahead comes from a clock that
// was set back.
func (s *Store) ClaimLook(ctx context.Context, c store.LookClaim) (claimed bool, err error) {
	err = s.update(ctx, Write{Doing: "claim a look at a storage", Single: true}, func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO immutability (repository_seq, storage_id, claimed_at)
			SELECT seq, ?2, ?3 FROM repositories WHERE id = ?1`+s.dialect.KeepRow+`
			ON CONFLICT (repository_seq) DO UPDATE SET claimed_at = excluded.claimed_at
			WHERE (immutability.at IS NULL OR immutability.at <= ?4 OR immutability.at > excluded.claimed_at
				OR immutability.error <> '' OR immutability.storage_id <> excluded.storage_id)
			AND (immutability.claimed_at <= ?5 OR immutability.claimed_at > ?6 OR immutability.storage_id <> excluded.storage_id)`,
			string(c.Repository), string(c.ObjectStorage), nanos(c.At), nanos(c.Before), nanos(c.Lapsed), nanos(c.At.Add(time.Hour)))
		claimed = n > 0
		return err
	})
	return claimed && err == nil, err
}

// PutImmutability implements store.Immutabilities.
func (s *Store) PutImmutability(ctx context.Context, c store.LookClaim, i syncline.Immutability) error {
	lost := syncline.Errorf(syncline.CodeConflict, "another look at the storage of repository %q was claimed", c.Repository)
	return s.update(ctx, Write{Doing: "record a look at a storage", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, lost, `UPDATE immutability SET storage_id = ?3, at = ?4, error = ?5, told = ?6, oldest = ?7, newest = ?8, rule = ?9,
			looked = ?10, kept = ?11, held = ?12, archived = ?13, class = ?14, whole = ?15, rights = ?16
			WHERE repository_seq = (SELECT seq FROM repositories WHERE id = ?1) AND claimed_at = ?2`,
			string(c.Repository), nanos(c.At), string(c.ObjectStorage), nanos(i.At), i.Error, i.Told, nanos(i.Oldest), nanos(i.Newest), i.Rule,
			i.Looked, i.Kept, i.Held, i.Archived, i.Class, i.Whole, i.Rights)
	})
}

// DropImmutability implements store.Immutabilities.
func (s *Store) DropImmutability(ctx context.Context, repository syncline.ID) error {
	return s.update(ctx, Write{Doing: "forget a look at a storage", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM immutability WHERE repository_seq = (SELECT seq FROM repositories WHERE id = ?)`, string(repository))
		return err
	})
}
