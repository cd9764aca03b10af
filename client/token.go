package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Token is what a sign-in gives. The zero value is none.
type Token struct {
	AccessToken string `json:"access_token"`
	// RefreshToken gets the next Token. It works once: using it again ends
	// everything that came from the same sign-in.
	RefreshToken string    `json:"refresh_token"`
	UserName     string    `json:"user_name"`
	Expires      time.Time `json:"expires"` // of the access token, by this machine's clock
}

// TokenStore keeps a Token, for one program or for several that share it.
type TokenStore interface {
	// Update calls change with the token that is kept and keeps what it
	// returns, unless that is the same or comes with an error. While it runs
	// nobody else updates the token. It returns what change did.
	Update(ctx context.Context, change func(Token) (Token, error)) (Token, error)
}

// NewMemoryStore returns a store for one program, which begins with a token
// that may be the zero value.
func NewMemoryStore(t Token) TokenStore {
	return &memoryStore{token: t, busy: make(chan struct{}, 1)}
}

type memoryStore struct {
	busy  chan struct{} // a lock that a context can give up on
	token Token
}

// Update implements TokenStore.
func (s *memoryStore) Update(ctx context.Context, change func(Token) (Token, error)) (Token, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	t, err := change(s.token)
	if err == nil {
		s.token = t
	}
	return t, err
}

// ErrSignIn is returned when there is no token, or none that the server takes,
// and no password to get one with.
var ErrSignIn = errors.New("nobody is signed in to the server, or not any more; sign in again")

const (
	// A token is renewed when it has less than renewBefore left, so that it does
	// not end on the way.
	renewBefore = time.Minute
	// renewTimeout bounds a renewal. It goes on when the request that needed it
	// is canceled: a refresh token that was sent and not replaced is lost.
	renewTimeout = 30 * time.Second
)

// tokens hands out access tokens.
type tokens struct {
	client             *Client
	store              TokenStore
	userName, password string
	now                func() time.Time

	mu   sync.Mutex
	last Token
}

func newTokens(c *Client, o *Options) *tokens {
	t := &tokens{client: c, store: o.Tokens, userName: o.UserName, password: o.Password, now: time.Now}
	if t.store == nil {
		t.store = NewMemoryStore(Token{})
	}
	return t
}

func (t *tokens) good(x Token, rejected string) bool {
	return x.AccessToken != "" && x.AccessToken != rejected && t.now().Add(renewBefore).Before(x.Expires)
}

// get returns an access token, other than the one that the server rejected.
func (t *tokens) get(ctx context.Context, rejected string) (string, error) {
	t.mu.Lock()
	last := t.last
	t.mu.Unlock()
	if t.good(last, rejected) {
		return last.AccessToken, nil
	}
	kept, err := t.store.Update(ctx, func(kept Token) (Token, error) {
		if t.good(kept, rejected) {
			return kept, nil // somebody else has renewed it
		}
		if err := ctx.Err(); err != nil {
			return Token{}, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
		defer cancel()
		return t.renew(ctx, kept)
	})
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = kept
	return kept.AccessToken, nil
}

// renew gets a token with the refresh token, or else with the password.
func (t *tokens) renew(ctx context.Context, kept Token) (Token, error) {
	if kept.RefreshToken != "" {
		fresh, err := t.grant(ctx, map[string]string{"grant_type": "refresh_token", "refresh_token": kept.RefreshToken})
		if StatusOf(err) != http.StatusUnauthorized {
			return fresh, err
		}
	}
	if t.password == "" {
		return Token{}, ErrSignIn
	}
	return t.grant(ctx, map[string]string{"grant_type": "password", "username": t.userName, "password": t.password})
}

func (t *tokens) grant(ctx context.Context, body map[string]string) (Token, error) {
	begun := t.now()
	res, err := t.client.send(ctx, call{method: http.MethodPost, path: at("token"), body: body}, "")
	if err != nil {
		return Token{}, err
	}
	defer res.Body.Close()
	answer, err := decode[struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int64  `json:"expires_in"`
		UserName     string `json:"userName"`
	}](ctx, res.Body)
	if err != nil {
		return Token{}, err
	}
	return Token{
		AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken, UserName: answer.UserName,
		// The server's clock may be another one.
		Expires: begun.Add(time.Duration(answer.ExpiresIn) * time.Second),
	}, nil
}

// SignOut ends the sign-in on the server and forgets the token.
func (c *Client) SignOut(ctx context.Context) error {
	err := c.perform(ctx, http.MethodDelete, at("token"), nil)
	if err != nil && StatusOf(err) != http.StatusUnauthorized && !errors.Is(err, ErrSignIn) {
		return err
	}
	c.tokens.mu.Lock()
	c.tokens.last = Token{}
	c.tokens.mu.Unlock()
	_, err = c.tokens.store.Update(ctx, func(Token) (Token, error) { return Token{}, nil })
	return err
}

// SignIn makes sure that there is a token, and returns it. Other methods do so
// by themselves; this one tells a wrong password early.
func (c *Client) SignIn(ctx context.Context) (Token, error) {
	if _, err := c.tokens.get(ctx, ""); err != nil {
		return Token{}, err
	}
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	return c.tokens.last, nil
}
