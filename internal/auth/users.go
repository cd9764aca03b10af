package auth

import (
	"context"
	"crypto/rand"
	"strings"
	"unicode"
	"unicode/utf8"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// AdministratorName is the name of the user that the first start makes.
const AdministratorName = "administrator"

const (
	maxName     = 64   // characters
	minPassword = 12   // characters of a new password
	maxPassword = 1024 // bytes
)

// validName reports whether a user may have the name.
func validName(name string) bool {
	n := utf8.RuneCountInString(name)
	if n < 1 || n > maxName || !utf8.ValidString(name) || strings.TrimSpace(name) != name {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func checkName(name string) error {
	if validName(name) {
		return nil
	}
	return syncline.Errorf(syncline.CodeInvalid,
		"a user name has 1 to %d printable characters, and no space at its ends", maxName)
}

// checkPassword refuses unusable passwords with CodeInvalid. Passwords in use
// are not checked and stay valid.
func checkPassword(user, password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return syncline.Errorf(syncline.CodeInvalid, "the password is too short; it needs at least %d characters", minPassword)
	case len(password) > maxPassword:
		return syncline.Errorf(syncline.CodeInvalid, "the password is too long; it may have at most %d bytes", maxPassword)
	}
	if why := easyPassword(user, password); why != "" {
		return syncline.Errorf(syncline.CodeInvalid, "the password is easy to guess: %s; take some words at random, or let a password manager make it", why)
	}
	return nil
}

// AddUser adds a user. An invalid name or password, or an unknown role, is
// CodeInvalid. A taken name is CodeConflict.
func (s *Service) AddUser(ctx context.Context, name, password string, role syncline.Role) error {
	_, err := s.CreateUser(ctx, syncline.User{Name: name, Role: role}, password)
	return err
}

// CreateUser is AddUser with all that a user has, and returns the user. It chooses
// PasswordHash and CreatedAt.
func (s *Service) CreateUser(ctx context.Context, u syncline.User, password string) (syncline.User, error) {
	if err := checkName(u.Name); err != nil {
		return u, err
	}
	if _, err := syncline.ParseRole(string(u.Role)); err != nil {
		return u, err
	}
	hash, err := s.newHash(ctx, u.Name, password)
	if err != nil {
		return u, err
	}
	u.CreatedAt = s.now().UTC()
	stored := u
	stored.PasswordHash = hash
	return u, s.store.AddUser(ctx, stored)
}

// SetPassword changes a user's password and signs the user out everywhere.
func (s *Service) SetPassword(ctx context.Context, name, password string) error {
	hash, err := s.newHash(ctx, name, password)
	if err != nil {
		return err
	}
	err = s.store.SetPasswordHash(ctx, name, hash)
	s.forgetUser(name)
	return err
}

// RemoveUser removes a user and signs the user out everywhere. The last
// administrator stays (CodeConflict).
func (s *Service) RemoveUser(ctx context.Context, name string) error {
	err := s.store.DeleteUser(ctx, name)
	s.forgetUser(name)
	return err
}

// User returns a user, without the password hash. An unknown one is CodeNotFound.
func (s *Service) User(ctx context.Context, name string) (syncline.User, error) {
	u, err := s.store.User(ctx, name)
	u.PasswordHash = ""
	return u, err
}

// ListUsers returns all users by name, without their password hashes.
func (s *Service) ListUsers(ctx context.Context) ([]syncline.User, error) {
	users, err := s.store.Users(ctx)
	for i := range users {
		users[i].PasswordHash = ""
	}
	return users, err
}

// EnsureAdministrator adds the user "administrator" if there is no user at all.
// choose returns the password and is called in this case only.
func (s *Service) EnsureAdministrator(ctx context.Context, choose func() (string, error)) (created bool, err error) {
	users, err := s.store.Users(ctx)
	if err != nil || len(users) > 0 {
		return false, err
	}
	password, err := choose()
	if err != nil {
		return false, err
	}
	err = s.AddUser(ctx, AdministratorName, password, syncline.RoleAdministrator)
	if syncline.CodeOf(err) == syncline.CodeConflict { // another process was faster
		return false, nil
	}
	return err == nil, err
}

func (s *Service) newHash(ctx context.Context, name, password string) (string, error) {
	if err := checkPassword(name, password); err != nil {
		return "", err
	}
	release, err := s.hasher.acquire(ctx, "", true)
	if err != nil {
		return "", err
	}
	defer release()
	return s.hasher.hash(password), nil
}

func (s *Service) forgetUser(name string) {
	key := store.FoldName(name)
	s.cache.forget(func(c cached) bool { return c.user == key })
}

// GeneratePassword returns 99 random bits for reading out over a telephone:
// four groups of five characters, none of which look alike.
func GeneratePassword() string {
	const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
	var b strings.Builder
	for i := range 20 {
		if i > 0 && i%5 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[randomBelow(len(alphabet))])
	}
	return b.String()
}

// randomBelow draws a number from 0 to n-1, each with the same probability. n
// is at most 256.
func randomBelow(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails, but ends the program
		if v := int(b[0]); v < 256/n*n {
			return v % n
		}
	}
}
