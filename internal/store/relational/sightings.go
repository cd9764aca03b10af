package relational

import (
	"context"

	"syncline.dev/syncline"
)

// Sightings implements store.Series.
func (s *Store) Sightings(ctx context.Context, repository syncline.ID) ([]syncline.Sighting, error) {
	return queryAll(ctx, s, "list sightings", func(r Row) (v syncline.Sighting, err error) {
		var snapshot []byte
		err = r.Scan(&snapshot, instant{&v.Claimed}, instant{&v.Seen}, &v.Mark)
		copy(v.Snapshot[:], snapshot)
		return v, err
	}, `SELECT snapshot, claimed, seen, mark FROM sightings
		WHERE repository_seq = (SELECT seq FROM repositories WHERE id = ?)`, string(repository))
}

// AddSightings implements store.Series.
func (s *Store) AddSightings(ctx context.Context, repository syncline.ID, sightings []syncline.Sighting) error {
	return s.inParts(ctx, "add sightings", repository, len(sightings), removeRows, `INSERT INTO sightings
		(repository_seq, snapshot, claimed, seen, mark) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, func(repository int64, i int) []any {
		x := &sightings[i]
		return []any{repository, x.Snapshot[:], nanos(x.Claimed), nanos(x.Seen), string(x.Mark)}
	})
}

// RemoveSightings implements store.Series.
func (s *Store) RemoveSightings(ctx context.Context, repository syncline.ID, snapshots []syncline.Hash) error {
	return s.inParts(ctx, "remove sightings", repository, len(snapshots), removeRows,
		`DELETE FROM sightings WHERE repository_seq = ? AND snapshot = ?`, func(repository int64, i int) []any {
			return []any{repository, snapshots[i][:]}
		})
}

// Looks implements store.Series.
func (s *Store) Looks(ctx context.Context) ([]syncline.Look, error) {
	return queryAll(ctx, s, "list looks", func(r Row) (v syncline.Look, err error) {
		err = r.Scan(&v.RepositoryID, instant{&v.LookedAt}, instant{&v.FailedAt}, &v.Unwatched, textList{&v.Names})
		return v, err
	}, `SELECT r.id, l.looked_at, l.failed_at, l.unwatched, l.names
		FROM looks l JOIN repositories r ON r.seq = l.repository_seq ORDER BY r.seq`)
}

// SetLook implements store.Series.
func (s *Store) SetLook(ctx context.Context, l syncline.Look) error {
	return s.update(ctx, Write{Doing: "record a look", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("repository", l.RepositoryID), `INSERT INTO looks (repository_seq, looked_at, failed_at, unwatched, names)
			SELECT seq, ?, ?, ?, ? FROM repositories WHERE id = ?`+s.dialect.KeepRow+`
			ON CONFLICT (repository_seq) DO UPDATE SET looked_at = excluded.looked_at, failed_at = excluded.failed_at,
			unwatched = excluded.unwatched, names = excluded.names`,
			nanos(l.LookedAt), nanos(l.FailedAt), l.Unwatched, textsJSON(l.Names), string(l.RepositoryID))
	})
}

// emptySeries removes what is kept of a repository's series, a part at a time.
func (s *Store) emptySeries(ctx context.Context, repository syncline.ID) error {
	for _, statement := range []string{
		`DELETE FROM sightings WHERE repository_seq = ?1 AND snapshot IN (SELECT snapshot FROM sightings WHERE repository_seq = ?1 LIMIT ?2)`,
		`DELETE FROM series WHERE seq IN (SELECT seq FROM series WHERE repository_seq = ?1 LIMIT ?2)`,
	} {
		for left := true; left; {
			err := s.update(ctx, Write{Doing: "empty a repository"}, func(ctx context.Context, tx Tx) error {
				seqs, err := scanAll(ctx, tx, scanNumber, `SELECT seq FROM repositories WHERE id = ?`, string(repository))
				if left = false; err != nil || len(seqs) == 0 {
					return err
				}
				n, err := tx.Exec(ctx, statement, seqs[0], removeRows)
				left = n == removeRows
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
