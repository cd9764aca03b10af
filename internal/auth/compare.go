package auth

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// comparePace slows down an administrator who guesses a secret that is kept. A file of
// declarations that was changed costs one wrong comparison a secret.
var comparePace = store.Counter{Kind: store.CountCompare, Free: 20, First: time.Second, Limit: time.Minute, Forget: time.Hour}

// Compare calls same, which compares a kept secret with another one, and returns its
// answer. what names the secret. Repeated wrong answers are CodeThrottled.
func (s *Service) Compare(ctx context.Context, what string, same func() bool) (bool, error) {
	guess := store.Attempt{Guess: of(comparePace, what)}
	if _, err := s.attempt(ctx, guess, store.AttemptAsked); err != nil {
		return false, err
	}
	is, step := same(), store.AttemptWrong
	if is {
		step = store.AttemptLooked // a right answer ends no count
	}
	if _, err := s.attempt(ctx, guess, step); err != nil {
		return false, err
	}
	return is, nil
}

// HasPassword reports whether a user has a password. Repeated wrong ones are
// CodeThrottled. An unknown user is CodeNotFound.
func (s *Service) HasPassword(ctx context.Context, name, password string) (bool, error) {
	u, err := s.store.User(ctx, name)
	if err != nil {
		return false, err
	}
	want, err := parseHash(u.PasswordHash)
	if err != nil || len(password) > maxPassword {
		return false, nil // no password is the one of a hash that cannot be read
	}
	release, err := s.hasher.acquire(ctx, "", true)
	if err != nil {
		return false, err
	}
	defer release()
	return s.Compare(ctx, "user "+store.FoldName(name), func() bool { return s.hasher.matches(want, password) })
}

// ChangePassword changes the password of the user i, and signs the user out everywhere.
// A wrong present password counts as a failed sign-in and is CodeUnauthenticated.
func (s *Service) ChangePassword(ctx context.Context, i Identity, present, password, remoteAddr string) error {
	if err := checkPassword(i.UserName, password); err != nil {
		return err
	}
	u, err := s.checked(ctx, i.UserName, present, remoteAddr)
	if err != nil {
		return err
	}
	return s.ChangeUser(ctx, u.Name, UserChange{Password: &password})
}

// UserChange is a change of a user. Nil keeps what there is.
type UserChange struct {
	Role      *syncline.Role
	Password  *string
	ManagedBy *string
}

// ChangeUser changes a user. Another role or password signs the user out everywhere.
// The last administrator keeps the role (CodeConflict).
func (s *Service) ChangeUser(ctx context.Context, name string, c UserChange) error {
	old, err := s.store.User(ctx, name)
	if err != nil {
		return err
	}
	u := syncline.User{Name: old.Name, ManagedBy: old.ManagedBy}
	if c.Role != nil {
		if u.Role, err = syncline.ParseRole(string(*c.Role)); err != nil {
			return err
		}
	}
	if c.Password != nil {
		if u.PasswordHash, err = s.newHash(ctx, u.Name, *c.Password); err != nil {
			return err
		}
	}
	if c.ManagedBy != nil {
		u.ManagedBy = *c.ManagedBy
	}
	err = s.store.UpdateUser(ctx, u)
	s.forgetUser(name)
	return err
}
