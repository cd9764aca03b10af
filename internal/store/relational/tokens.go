package relational

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// errDeadToken says the same for every reason, because a client without a live
// token must not learn the reason.
var errDeadToken = &syncline.Error{
	Code:    syncline.CodeUnauthenticated,
	Message: "the token is unknown, expired or no longer valid; sign in again",
}

// AddTokens implements store.Tokens. A family that has ended takes no more
// tokens (CodeUnauthenticated): a refresh that runs while the family is ended
// cannot bring it back. An unknown user is CodeNotFound.
func (s *Store) AddTokens(ctx context.Context, ts ...store.Token) error {
	return s.update(ctx, Write{Doing: "add tokens", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		for _, t := range ts {
			if err := addToken(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

func addToken(ctx context.Context, tx Tx, t store.Token) error {
	var user int64
	err := tx.QueryRow(ctx, `SELECT seq FROM users WHERE name_key = ?`, store.FoldName(t.UserName)).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound("user", t.UserName)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO token_families (id, user_seq) VALUES (?, ?) ON CONFLICT DO NOTHING`,
		string(t.Family), user)
	if err != nil {
		return err
	}
	var owner int64
	var ended bool
	err = tx.QueryRow(ctx, `SELECT user_seq, ended FROM token_families WHERE id = ?`,
		string(t.Family)).Scan(&owner, &ended)
	switch {
	case err != nil:
		return err
	case owner != user:
		return syncline.Errorf(syncline.CodeConflict, "the token family belongs to another user")
	case ended:
		return errDeadToken
	}
	_, err = tx.Exec(ctx, `INSERT INTO tokens (hash, family, refresh, expires_at) VALUES (?, ?, ?, ?)`,
		t.Hash[:], string(t.Family), t.Refresh, t.ExpiresAt.UnixNano())
	if errors.Is(err, ErrTaken) {
		return syncline.WrapError(syncline.CodeConflict, err, "the token exists already")
	}
	return err
}

const selectToken = `SELECT t.hash, t.family, u.name, t.refresh, t.expires_at, t.used, f.ended
	FROM tokens t JOIN token_families f ON f.id = t.family JOIN users u ON u.seq = f.user_seq
	WHERE t.hash = ?`

// tokenState is a token with what makes it dead.
type tokenState struct {
	store.Token
	used, ended bool
}

func (t tokenState) live(now time.Time) bool {
	return !t.used && !t.ended && now.Before(t.ExpiresAt)
}

func scanToken(r Row) (t tokenState, err error) {
	var hash []byte
	err = r.Scan(&hash, &t.Family, &t.UserName, &t.Refresh, instant{&t.ExpiresAt}, &t.used, &t.ended)
	copy(t.Hash[:], hash)
	return t, err
}

// Token implements store.Tokens.
func (s *Store) Token(ctx context.Context, hash [32]byte, now time.Time) (store.Token, error) {
	t, err := queryOne(ctx, s, "read a token", errDeadToken, scanToken, selectToken, hash[:])
	if err != nil {
		return store.Token{}, err
	}
	if !t.live(now) {
		return store.Token{}, errDeadToken
	}
	return t.Token, nil
}

// UseRefreshToken implements store.Tokens. A used token ends its family even
// after it expired. One that nobody issued costs a look-up and no writing.
func (s *Store) UseRefreshToken(ctx context.Context, hash [32]byte, now time.Time) (store.Token, error) {
	found, err := queryOne(ctx, s, "read a token", errDeadToken, scanToken, selectToken, hash[:])
	if err != nil {
		return store.Token{}, err
	}
	refused := false
	err = s.update(ctx, Write{Doing: "use a refresh token", Area: AreaUsers}, func(ctx context.Context, tx Tx) (err error) {
		found, err = scanToken(tx.QueryRow(ctx, selectToken, hash[:]))
		if errors.Is(err, sql.ErrNoRows) || err == nil && !found.Refresh {
			return errDeadToken
		}
		if err != nil {
			return err
		}
		if refused = !found.live(now); !refused {
			return exec(ctx, tx, errDeadToken, `UPDATE tokens SET used = TRUE WHERE hash = ?`, hash[:])
		}
		if found.used {
			// Not an error here: the family's end has to be committed.
			return endFamily(ctx, tx, found.Family)
		}
		return nil
	})
	if err != nil {
		return store.Token{}, err
	}
	if refused {
		return found.Token, errDeadToken
	}
	return found.Token, nil
}

// EndFamily implements store.Tokens. An unknown family has nothing to end.
func (s *Store) EndFamily(ctx context.Context, family syncline.ID) error {
	return s.update(ctx, Write{Doing: "end a token family", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		return endFamily(ctx, tx, family)
	})
}

// FamilyUser implements store.Tokens.
func (s *Store) FamilyUser(ctx context.Context, family syncline.ID) (string, error) {
	return queryOne(ctx, s, "read a token family", errDeadToken, func(r Row) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT u.name FROM token_families f JOIN users u ON u.seq = f.user_seq WHERE f.id = ? AND NOT f.ended`, string(family))
}

func endFamily(ctx context.Context, tx Tx, family syncline.ID) error {
	_, err := tx.Exec(ctx, `UPDATE token_families SET ended = TRUE WHERE id = ?`, string(family))
	return err
}

// DeleteExpired implements store.Tokens.
func (s *Store) DeleteExpired(ctx context.Context, now time.Time) error {
	return s.update(ctx, Write{Doing: "delete expired tokens", Area: AreaUsers}, func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM tokens WHERE expires_at < ?`, now.UnixNano()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM token_families
			WHERE NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.family = token_families.id)`)
		return err
	})
}
