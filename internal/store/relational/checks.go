package relational

import (
	"context"

	"syncline.dev/syncline"
)

func scanCheck(r Row) (c syncline.Check, err error) {
	err = r.Scan(&c.RepositoryID, instant{&c.At}, &c.Result, &c.Error, &c.Code, &c.Failures, instant{&c.FailingSince}, &c.Listing,
		&c.Session.Error, &c.Session.Code, &c.Session.Failures, instant{&c.Session.Since}, instant{&c.Session.At}, &c.Session.Listing)
	return c, err
}

// Checks implements store.Checks.
func (s *Store) Checks(ctx context.Context) ([]syncline.Check, error) {
	return queryAll(ctx, s, "list checks", scanCheck, `SELECT r.id, c.at, c.result, c.error, c.code, c.failures, c.failing_since, c.listing,
		c.session_error, c.session_code, c.session_failures, c.session_since, c.session_at, c.session_listing
		FROM checks c JOIN repositories r ON r.seq = c.repository_seq ORDER BY c.repository_seq`)
}

const putCheck = `INSERT INTO checks (repository_seq, at, result, error, code, failures, failing_since, listing,
	session_error, session_code, session_failures, session_since, session_at, session_listing)
	SELECT seq, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM repositories WHERE id = ?
	ON CONFLICT (repository_seq) DO UPDATE SET at = excluded.at, result = excluded.result, error = excluded.error, code = excluded.code,
	failures = excluded.failures, failing_since = excluded.failing_since, listing = excluded.listing, session_error = excluded.session_error,
	session_code = excluded.session_code, session_failures = excluded.session_failures, session_since = excluded.session_since,
	session_at = excluded.session_at, session_listing = excluded.session_listing`

// PutChecks implements store.Checks.
func (s *Store) PutChecks(ctx context.Context, checks ...syncline.Check) error {
	return s.update(ctx, "record checks", func(ctx context.Context, tx Tx) error {
		for i := range checks {
			c := &checks[i]
			_, err := tx.Exec(ctx, putCheck,
				nanos(c.At), string(c.Result), c.Error, string(c.Code), c.Failures, nanos(c.FailingSince), c.Listing,
				c.Session.Error, string(c.Session.Code), c.Session.Failures, nanos(c.Session.Since), nanos(c.Session.At), c.Session.Listing,
				string(c.RepositoryID))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
