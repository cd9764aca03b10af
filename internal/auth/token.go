package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const tokenSize = 32 // random bytes in a token

// It is strict, so that a token has one spelling only.
var tokenEncoding = base64.RawURLEncoding.Strict()

// newToken returns a token for its holder, and the hash to store.
func newToken() (token string, hash [32]byte) {
	var b [tokenSize]byte
	_, _ = rand.Read(b[:]) // never fails, but ends the program
	token = tokenEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token))
}

// hashToken returns the hash of token. ok is false for a text that is no token.
func hashToken(token string) (hash [32]byte, ok bool) {
	if len(token) != tokenEncoding.EncodedLen(tokenSize) {
		return hash, false
	}
	if _, err := tokenEncoding.DecodeString(token); err != nil {
		return hash, false
	}
	return sha256.Sum256([]byte(token)), true
}

// issue adds an access and a refresh token to a family.
func (s *Service) issue(ctx context.Context, user string, family syncline.ID) (Grant, error) {
	now := s.now()
	s.cleanUp(ctx)
	access, accessHash := newToken()
	refresh, refreshHash := newToken()
	err := s.store.AddTokens(ctx,
		store.Token{Hash: accessHash, Family: family, UserName: user, ExpiresAt: now.Add(AccessTokenLife)},
		store.Token{Hash: refreshHash, Family: family, UserName: user, Refresh: true, ExpiresAt: now.Add(RefreshTokenLife)})
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		AccessToken: access, RefreshToken: refresh, UserName: user,
		IssuedAt: now, ExpiresAt: now.Add(AccessTokenLife),
	}, nil
}

// cleanUp deletes expired tokens now and then. So no service has to run for it.
func (s *Service) cleanUp(ctx context.Context) {
	now := s.now()
	s.mu.Lock()
	due := !now.Before(s.nextCleanup)
	if due {
		s.nextCleanup = now.Add(cleanupInterval)
	}
	s.mu.Unlock()
	if !due {
		return
	}
	if err := s.store.DeleteExpired(ctx, now); err != nil {
		s.log.WarnContext(ctx, "expired tokens could not be deleted", "error", err)
	}
}
