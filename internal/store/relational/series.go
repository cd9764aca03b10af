package relational

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	selectSeries = `SELECT s.id, r.id, s.host, s.paths, s.more_paths, s.tags, s.latest, s.added_at, s.last_backup, s.last_seen,
		s.size, s.rhythm, s.future, s.silent_at_first, s.retired_at, s.retired_by
		FROM series s JOIN repositories r ON r.seq = s.repository_seq`

	// saveSeriesRows bounds the series of one transaction, with their rings.
	saveSeriesRows = 200
)

func scanSeries(r Row) (v syncline.Series, err error) {
	var latest []byte
	err = r.Scan(&v.ID, &v.RepositoryID, &v.HostName, textList{&v.Paths}, &v.MorePaths, textList{&v.Tags}, &latest, instant{&v.AddedAt}, instant{&v.LastBackup},
		instant{&v.LastSeen}, &v.Size, &v.Rhythm, &v.Future, &v.SilentAtFirst, instant{&v.RetiredAt}, &v.RetiredBy)
	copy(v.Latest[:], latest)
	return v, err
}

// textsJSON is how a list of texts is kept, which need not be UTF-8: a JSON array of
// texts in Base64.
func textsJSON(list []string) string {
	raw := make([][]byte, len(list))
	for i := range list {
		raw[i] = []byte(list[i])
	}
	return asJSON(raw)
}

// textList scans what textsJSON made; nil for an empty list.
type textList struct{ to *[]string }

// Scan implements sql.Scanner.
func (l textList) Scan(v any) error {
	var raw [][]byte
	if err := (jsonText{&raw}).Scan(v); err != nil {
		return err
	}
	*l.to = nil
	for _, b := range raw {
		*l.to = append(*l.to, string(b))
	}
	return nil
}

// ringItem is a sighting in the past of a series.
type ringItem struct {
	Snapshot syncline.Hash     `json:"s"`
	Claimed  int64             `json:"c"`
	Seen     int64             `json:"f"`
	At       int64             `json:"a"`
	Mark     syncline.TimeMark `json:"m,omitempty"`
}

// Series implements store.Series.
func (s *Store) Series(ctx context.Context, repository syncline.ID) ([]syncline.Series, error) {
	if repository == "" {
		return queryAll(ctx, s, "list series", scanSeries, selectSeries+` ORDER BY s.seq`)
	}
	return queryAll(ctx, s, "list series", scanSeries, selectSeries+` WHERE r.id = ? ORDER BY s.seq`, string(repository))
}

// SeriesRing implements store.Series.
func (s *Store) SeriesRing(ctx context.Context, series syncline.ID) ([]syncline.CountedSighting, error) {
	kept, err := queryAll(ctx, s, "read a series", func(r Row) (text string, err error) {
		err = r.Scan(&text)
		return text, err
	}, `SELECT ring FROM series WHERE id = ?`, string(series))
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	var items []ringItem
	if err := json.Unmarshal([]byte(kept[0]), &items); err != nil {
		return nil, s.translate(err, "read the past of a series")
	}
	ring := make([]syncline.CountedSighting, len(items))
	for i, x := range items {
		ring[i] = syncline.CountedSighting{
			Sighting: syncline.Sighting{Snapshot: x.Snapshot, Claimed: fromNanos(x.Claimed), Seen: fromNanos(x.Seen), Mark: x.Mark},
			At:       fromNanos(x.At),
		}
	}
	return ring, nil
}

func fromNanos(n int64) time.Time { return time.Unix(0, n).UTC() }

// saveSeries adds one series, or replaces it.
const saveSeries = `INSERT INTO series (id, repository_seq, host, paths, more_paths, tags, latest, added_at,
	last_backup, last_seen, size, rhythm, future, silent_at_first, ring) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET host = excluded.host, paths = excluded.paths, more_paths = excluded.more_paths,
	tags = excluded.tags, latest = excluded.latest, last_backup = excluded.last_backup, last_seen = excluded.last_seen,
	size = excluded.size, rhythm = excluded.rhythm, future = excluded.future, silent_at_first = excluded.silent_at_first, ring = excluded.ring`

// SaveSeries implements store.Series.
func (s *Store) SaveSeries(ctx context.Context, repository syncline.ID, records []store.SeriesRecord) error {
	return s.inParts(ctx, "save series", repository, len(records), saveSeriesRows, saveSeries, func(repository int64, i int) []any {
		r := &records[i]
		return []any{
			string(r.ID), repository, r.HostName, textsJSON(r.Paths), r.MorePaths, textsJSON(r.Tags), r.Latest[:], nanos(r.AddedAt),
			nanos(r.LastBackup), nanos(r.LastSeen), r.Size, int64(r.Rhythm), r.Future, r.SilentAtFirst, ringJSON(r.Ring),
		}
	})
}

func ringJSON(ring []syncline.CountedSighting) string {
	items := make([]ringItem, 0, len(ring))
	for _, x := range ring[max(0, len(ring)-store.MaxRing):] {
		items = append(items, ringItem{x.Snapshot, x.Claimed.UnixNano(), x.Seen.UnixNano(), x.At.UnixNano(), x.Mark})
	}
	return asJSON(items)
}

// inParts runs a statement for each of n items of a repository, a part of them in each
// transaction.
func (s *Store) inParts(ctx context.Context, doing string, repository syncline.ID, n, most int,
	statement string, args func(repository int64, i int) []any,
) error {
	for from := 0; from < n; from += most {
		err := s.update(ctx, Write{Doing: doing, Repeatable: true}, func(ctx context.Context, tx Tx) error {
			seqs, err := scanAll(ctx, tx, scanNumber, `SELECT seq FROM repositories WHERE id = ?`+s.dialect.KeepRow, string(repository))
			if err != nil {
				return err
			}
			if len(seqs) == 0 {
				return notFound("repository", repository)
			}
			return tx.ExecEach(ctx, statement, min(n-from, most), func(i int) []any { return args(seqs[0], from+i) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SetRetired implements store.Series.
func (s *Store) SetRetired(ctx context.Context, series []syncline.ID, by string, at time.Time) error {
	if at.IsZero() {
		return s.eachSeries(ctx, "watch series again", series, `UPDATE series SET retired_at = NULL, retired_by = '' WHERE id = ?`)
	}
	return s.eachSeries(ctx, "retire series", series,
		`UPDATE series SET retired_at = ?2, retired_by = ?3 WHERE id = ?1 AND retired_at IS NULL`, nanos(at), by)
}

// DeleteSeries implements store.Series.
func (s *Store) DeleteSeries(ctx context.Context, series []syncline.ID) error {
	return s.eachSeries(ctx, "delete series", series, `DELETE FROM series WHERE id = ?`)
}

// eachSeries runs a statement for each series, whose id comes before the arguments.
func (s *Store) eachSeries(ctx context.Context, doing string, series []syncline.ID, statement string, args ...any) error {
	for part := range slices.Chunk(series, removeRows) {
		err := s.update(ctx, Write{Doing: doing, Repeatable: true}, func(ctx context.Context, tx Tx) error {
			return tx.ExecEach(ctx, statement, len(part), func(i int) []any { return append([]any{string(part[i])}, args...) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}
