package relational

import (
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

func scanCheck(r Row) (c syncline.Check, err error) {
	err = r.Scan(&c.RepositoryID, instant{&c.At}, &c.Result, &c.Error, &c.Code, &c.Failures, instant{&c.FailingSince}, &c.Listing,
		&c.Session.Error, &c.Session.Code, &c.Session.Failures, instant{&c.Session.Since}, instant{&c.Session.At}, &c.Session.Listing,
		instant{&c.Due}, &c.Plan, instant{&c.LookedAt}, instant{&c.AskedAt}, &c.Anew)
	return c, err
}

const checkFields = `r.id, c.at, c.result, c.error, c.code, c.failures, c.failing_since, c.listing,
	c.session_error, c.session_code, c.session_failures, c.session_since, c.session_at, c.session_listing,
	c.due_at, c.plan, c.looked_at, c.asked_at, c.anew`

const selectCheck = `SELECT ` + checkFields + ` FROM checks c JOIN repositories r ON r.seq = c.repository_seq`

// Checks implements store.Checks.
func (s *Store) Checks(ctx context.Context) ([]syncline.Check, error) {
	if s.dialect.Edge != "" {
		list, err := s.changedChecks.get(ctx, s, "list checks")
		return slices.Clone(list), err
	}
	return queryAll(ctx, s, "list checks", scanCheck, selectCheck+` ORDER BY c.repository_seq`)
}

// CheckOf implements store.Checks.
func (s *Store) CheckOf(ctx context.Context, repository syncline.ID) (syncline.Check, error) {
	list, err := queryAll(ctx, s, "read a check", scanCheck, selectCheck+` WHERE r.id = ?`, string(repository))
	if err != nil || len(list) == 0 {
		return syncline.Check{RepositoryID: repository}, err
	}
	return list[0], nil
}

// putCheck has room for what locks the repository.
const putCheck = `INSERT INTO checks (repository_seq, at, result, error, code, failures, failing_since, listing,
	session_error, session_code, session_failures, session_since, session_at, session_listing, due_at, plan, looked_at)
	SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17 FROM repositories WHERE id = ?1%s
	ON CONFLICT (repository_seq) DO UPDATE SET at = excluded.at, result = excluded.result, error = excluded.error, code = excluded.code,
	failures = excluded.failures, failing_since = excluded.failing_since, listing = excluded.listing, session_error = excluded.session_error,
	session_code = excluded.session_code, session_failures = excluded.session_failures, session_since = excluded.session_since,
	session_at = excluded.session_at, session_listing = excluded.session_listing,
	due_at = excluded.due_at, plan = excluded.plan, looked_at = excluded.looked_at,
	anew = CASE WHEN checks.asked_at = ?18 THEN FALSE ELSE checks.anew END,
	asked_at = CASE WHEN checks.asked_at = ?18 THEN NULL ELSE checks.asked_at END`

// PutChecks implements store.Checks.
func (s *Store) PutChecks(ctx context.Context, checks ...syncline.Check) error {
	return s.update(ctx, Write{Doing: "record checks", Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return tx.ExecEach(ctx, s.putCheck, len(checks), func(i int) []any {
			c := &checks[i]
			return []any{
				string(c.RepositoryID), nanos(c.At), string(c.Result), c.Error, string(c.Code), c.Failures, nanos(c.FailingSince), c.Listing,
				c.Session.Error, string(c.Session.Code), c.Session.Failures, nanos(c.Session.Since), nanos(c.Session.At), c.Session.Listing,
				nanos(c.Due), c.Plan, nanos(c.LookedAt), nanos(c.AskedAt),
			}
		})
	})
}

// AskCheck implements store.Checks.
func (s *Store) AskCheck(ctx context.Context, repository syncline.ID, at time.Time, anew bool) error {
	return s.update(ctx, Write{Doing: "ask for a check", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("repository", repository), `INSERT INTO checks (repository_seq, result, error, code, failures, listing,
			session_error, session_code, session_failures, session_listing, asked_at, anew)
			SELECT seq, '', '', '', 0, '', '', '', 0, '', ?2, ?3 FROM repositories WHERE id = ?1`+s.dialect.KeepRow+`
			ON CONFLICT (repository_seq) DO UPDATE SET asked_at = excluded.asked_at, anew = (checks.anew OR excluded.anew)`,
			string(repository), nanos(at), anew)
	})
}
