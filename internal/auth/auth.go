// Package auth says who is calling. It checks passwords, issues and refreshes
// tokens, slows guessing down and manages users. It knows nothing of HTTP. The
// domain says what a role may do, and a store keeps users and tokens.
package auth

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/peer"
	"syncline.dev/syncline/internal/store"
)

const (
	// AccessTokenLife is how long an access token works.
	AccessTokenLife = time.Hour
	// RefreshTokenLife is how long a refresh token can be used, once.
	RefreshTokenLife = 14 * 24 * time.Hour

	// CacheTime is the time in which a good token is not looked up again. A
	// change by another process, such as the command that removes a user, takes
	// effect within this time. A change by this process takes effect at once.
	CacheTime = 3 * time.Second
	cacheSize = 4096 // tokens

	cleanupInterval = 10 * time.Minute
)

// Store has the methods of a store that the service uses.
type Store interface {
	store.Users
	store.Tokens
}

// Options are the service's settings; zero values stand for the defaults.
type Options struct {
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Logger gets errors that no caller receives. The default logs nothing.
	Logger *slog.Logger
	// Hashes bounds the passwords that are hashed at once, each with 19 MiB of
	// memory and one core. The default is 4.
	Hashes int
	// Attempts counts the wrong guesses of secrets. The default keeps the counts in
	// memory, for a node that is alone.
	Attempts store.Attempts
}

// Service authenticates users. It is safe for concurrent use.
type Service struct {
	store     Store
	now       func() time.Time
	log       *slog.Logger
	hasher    *hasher
	attempts  store.Attempts // wrong passwords and comparisons, of all nodes
	refreshes store.Attempts // unknown refresh tokens, by address, of this node
	cache     *cache

	mu          sync.Mutex
	nextCleanup time.Time
}

// New returns a service on s.
func New(s Store, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Hashes <= 0 {
		o.Hashes = 4
	}
	if o.Attempts == nil {
		o.Attempts = newMemory(o.Now)
	}
	return &Service{
		store: s, now: o.Now, log: o.Logger,
		hasher:    newHasher(o.Hashes),
		attempts:  o.Attempts,
		refreshes: newMemory(o.Now),
		cache:     newCache(cacheSize),
	}
}

// Grant is the result of a sign-in or a refresh: two opaque tokens. The access
// token works from IssuedAt to ExpiresAt.
type Grant struct {
	AccessToken  string
	RefreshToken string
	UserName     string // as it was added
	IssuedAt     time.Time
	ExpiresAt    time.Time
}

// Identity is the user of a request.
type Identity struct {
	UserName string
	Role     syncline.Role
	SignIn   syncline.ID // family of the request's token
}

// errCredentials is the same for an unknown user and a wrong password.
var errCredentials = &syncline.Error{
	Code:    syncline.CodeUnauthenticated,
	Message: "the user name or the password is wrong",
}

// errToken is the same for every reason.
var errToken = &syncline.Error{
	Code:    syncline.CodeUnauthenticated,
	Message: "the token is unknown, expired or no longer valid; sign in again",
}

// SignIn checks a password and begins a family of tokens. remoteAddr is the
// caller's address, with or without a port. Wrong credentials are
// CodeUnauthenticated. After repeated failures SignIn refuses attempts for a
// while with CodeThrottled (see RetryAfter).
func (s *Service) SignIn(ctx context.Context, user, password, remoteAddr string) (Grant, error) {
	u, err := s.checked(ctx, user, password, remoteAddr)
	if err != nil {
		return Grant{}, err
	}
	return s.begin(ctx, u)
}

// checked returns the user with a password, within the limits of failed sign-ins.
func (s *Service) checked(ctx context.Context, user, password, remoteAddr string) (syncline.User, error) {
	who := attempt{user: store.FoldName(user), address: peer.Key(remoteAddr)}
	if !validName(user) {
		who.user = "" // cannot exist; all such names share one record
	}
	guess := who.guess()
	release, err := s.admit(ctx, who, guess)
	if err != nil {
		return syncline.User{}, err
	}
	defer release()
	// A burst has passed the first question before its first failure counted.
	if _, err := s.attempt(ctx, guess, store.AttemptAsked); err != nil {
		return syncline.User{}, err
	}
	u, err := s.verify(ctx, user, password)
	step := store.AttemptRight
	if err != nil {
		if syncline.CodeOf(err) != syncline.CodeUnauthenticated {
			return syncline.User{}, err
		}
		step = store.AttemptWrong
	}
	// The answer is told only where the attempt counts.
	if _, throttled := s.attempt(ctx, guess, step); throttled != nil {
		return syncline.User{}, throttled
	}
	return u, err
}

// admit waits for a slot for hashing, which an attempt that has to wait does not get. So
// it costs nothing.
func (s *Service) admit(ctx context.Context, who attempt, guess store.Attempt) (release func(), err error) {
	step := store.AttemptAsked
	if s.hasher.crowded(who.address) {
		step = store.AttemptLooked // it counts now whether the user is trusted
	}
	trusted, err := s.attempt(ctx, guess, step)
	if err != nil {
		return nil, err
	}
	owner := who.address
	if trusted {
		owner = who.key() // in place of the address
	}
	return s.hasher.acquire(ctx, owner, trusted)
}

// attempt is a step of an attempt. An attempt that has to wait is CodeThrottled.
func (s *Service) attempt(ctx context.Context, a store.Attempt, step store.AttemptStep) (trusted bool, err error) {
	r, err := s.attempts.Attempt(ctx, a, step)
	if err != nil {
		return false, err
	}
	return r.Trusted, throttled(r.Wait)
}

// verify returns the user with this password. An unknown user costs one hash,
// like a wrong password.
func (s *Service) verify(ctx context.Context, name, password string) (syncline.User, error) {
	u, err := s.store.User(ctx, name)
	if err != nil && syncline.CodeOf(err) != syncline.CodeNotFound {
		return u, err
	}
	known := err == nil && validName(name)
	want := s.hasher.decoy
	if known {
		if parsed, err := parseHash(u.PasswordHash); err == nil {
			want = parsed
		} else {
			known = false
			s.log.ErrorContext(ctx, "a user's stored password hash is unreadable; set the password again", "user", u.Name, "error", err)
		}
	}
	if len(password) > maxPassword {
		password, known = "", false // nobody's, and too long to hash in full
	}
	if !s.hasher.matches(want, password) || !known {
		return syncline.User{}, errCredentials
	}
	return u, nil
}

// begin issues the first tokens of a new family.
func (s *Service) begin(ctx context.Context, u syncline.User) (Grant, error) {
	family := syncline.ID(uuid.NewString())
	grant, err := s.issue(ctx, u.Name, family)
	if err != nil {
		if syncline.CodeOf(err) == syncline.CodeNotFound { // removed just now
			return Grant{}, errCredentials
		}
		return Grant{}, err
	}
	// A password that changed during the check ended the tokens of that moment.
	// These tokens are newer.
	now, err := s.store.User(ctx, u.Name)
	if err == nil && now.PasswordHash == u.PasswordHash {
		return grant, nil
	}
	if err == nil || syncline.CodeOf(err) == syncline.CodeNotFound {
		err = errCredentials
	}
	if ended := s.store.EndFamily(context.WithoutCancel(ctx), family); ended != nil {
		return Grant{}, ended
	}
	return Grant{}, err
}

// Refresh turns a refresh token into a new grant of the same family. A token
// works once: a second use ends the family and its access tokens. A token that
// is not valid is CodeUnauthenticated. An address that sends many tokens that
// this server did not issue gets CodeThrottled for such tokens only.
func (s *Service) Refresh(ctx context.Context, refreshToken, remoteAddr string) (Grant, error) {
	hash, ok := hashToken(refreshToken)
	if !ok {
		return Grant{}, s.refuseRefresh(ctx, peer.Key(remoteAddr))
	}
	used, err := s.store.UseRefreshToken(ctx, hash, s.now())
	switch {
	case syncline.CodeOf(err) == syncline.CodeUnauthenticated && used.UserName == "":
		return Grant{}, s.refuseRefresh(ctx, peer.Key(remoteAddr))
	case syncline.CodeOf(err) == syncline.CodeUnauthenticated:
		s.forgetUser(used.UserName) // it may have ended a family
		return Grant{}, errToken
	case err != nil:
		return Grant{}, err
	}
	grant, err := s.issue(ctx, used.UserName, used.Family)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return Grant{}, errToken
	}
	return grant, err
}

// refuseRefresh counts a token that this server did not issue.
func (s *Service) refuseRefresh(ctx context.Context, address string) error {
	r, err := s.refreshes.Attempt(ctx, store.Attempt{Guess: of(refreshPace, address)}, store.AttemptWrong)
	return cmp.Or(err, throttled(r.Wait), error(errToken))
}

// Authenticate returns the holder of the access token, or CodeUnauthenticated.
func (s *Service) Authenticate(ctx context.Context, accessToken string) (Identity, error) {
	hash, ok := hashToken(accessToken)
	if !ok {
		return Identity{}, errToken
	}
	now := s.now()
	if c, ok := s.cache.get(hash, now); ok {
		return c.identity, nil
	}
	generation := s.cache.generation()
	token, err := s.store.Token(ctx, hash, now)
	if err != nil {
		return Identity{}, err
	}
	if token.Refresh {
		return Identity{}, errToken
	}
	u, err := s.store.User(ctx, token.UserName)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return Identity{}, errToken
	}
	if err != nil {
		return Identity{}, err
	}
	c := cached{
		identity: Identity{UserName: u.Name, Role: u.Role, SignIn: token.Family},
		user:     store.FoldName(u.Name),
		until:    earlier(now.Add(CacheTime), token.ExpiresAt),
	}
	s.cache.put(hash, c, generation, now)
	return c.identity, nil
}

// Continue returns the present identity of the user that signed in as i. It is
// for work that outlasts an access token. CodeUnauthenticated means that the
// sign-in has ended: the user signed out, has another password, or is removed.
func (s *Service) Continue(ctx context.Context, i Identity) (Identity, error) {
	name, err := s.store.FamilyUser(ctx, i.SignIn)
	if err != nil {
		return Identity{}, err
	}
	u, err := s.store.User(ctx, name)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return Identity{}, errToken
	}
	return Identity{UserName: u.Name, Role: u.Role, SignIn: i.SignIn}, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// SignOut ends all tokens of a sign-in. token is one of its access or refresh
// tokens. A token that is not valid is CodeUnauthenticated.
func (s *Service) SignOut(ctx context.Context, token string) error {
	hash, ok := hashToken(token)
	if !ok {
		return errToken
	}
	found, err := s.store.Token(ctx, hash, s.now())
	if err != nil {
		return err
	}
	if err := s.store.EndFamily(ctx, found.Family); err != nil {
		return err
	}
	// The cache does not know which of the user's tokens belong to this family.
	s.forgetUser(found.UserName)
	return nil
}
