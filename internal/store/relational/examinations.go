package relational

import (
	"context"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func scanExamination(r Row) (v store.Examination, err error) {
	var snapshot []byte
	err = r.Scan(&v.SeriesID, &snapshot, &v.Past, &v.Unusual, &v.Skipped)
	copy(v.Snapshot[:], snapshot)
	return v, err
}

// Examinations implements store.Examinations.
func (s *Store) Examinations(ctx context.Context, repository syncline.ID) ([]store.Examination, error) {
	const query = `SELECT s.id, e.snapshot, '', e.unusual, e.skipped FROM examinations e JOIN series s ON s.seq = e.series_seq`
	if repository == "" {
		return queryAll(ctx, s, "list examinations", scanExamination, query+` ORDER BY s.seq`)
	}
	return queryAll(ctx, s, "list examinations", scanExamination,
		query+` WHERE s.repository_seq = (SELECT seq FROM repositories WHERE id = ?) ORDER BY s.seq`, string(repository))
}

// Examination implements store.Examinations.
func (s *Store) Examination(ctx context.Context, series syncline.ID) (store.Examination, error) {
	found, err := queryAll(ctx, s, "read an examination", scanExamination, `SELECT s.id, e.snapshot, e.past, e.unusual, e.skipped
		FROM examinations e JOIN series s ON s.seq = e.series_seq WHERE s.id = ?`, string(series))
	if err != nil || len(found) == 0 {
		return store.Examination{SeriesID: series}, err
	}
	return found[0], nil
}

// SaveExamination implements store.Examinations.
func (s *Store) SaveExamination(ctx context.Context, e store.Examination) error {
	return s.update(ctx, Write{Doing: "save an examination", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("series", e.SeriesID), `INSERT INTO examinations (series_seq, snapshot, past, unusual, skipped)
			SELECT seq, ?, ?, ?, ? FROM series WHERE id = ?`+s.dialect.KeepRow+`
			ON CONFLICT (series_seq) DO UPDATE SET snapshot = excluded.snapshot, past = excluded.past, unusual = excluded.unusual, skipped = excluded.skipped`,
			e.Snapshot[:], e.Past, e.Unusual, e.Skipped, string(e.SeriesID))
	})
}
