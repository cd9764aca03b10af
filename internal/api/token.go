package api

import (
	"context"
	"errors"
	"net/http"

	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/auth"
)

// signer issues tokens. Wrong credentials or tokens are CodeUnauthenticated. Too many
// failures are CodeThrottled, and auth.RetryAfter tells for how long.
type signer interface {
	SignIn(ctx context.Context, user, password, remoteAddr string) (auth.Grant, error)
	Refresh(ctx context.Context, refreshToken, remoteAddr string) (auth.Grant, error)
	// SignOut ends the sign-in of an access or refresh token with all of its tokens.
	SignOut(ctx context.Context, token string) error
	Authenticate(ctx context.Context, accessToken string) (auth.Identity, error)
}

// signing gives tokens to programs, and as cookies to the console.
type signing struct {
	auth    signer
	cookies cookieNames
}

// Token answers POST /v6/token.
func (h *signing) Token(ctx context.Context, req v6.TokenRequestObject) (v6.TokenResponseObject, error) {
	grant, err := h.grant(ctx, req.JSONBody) // a form comes as JSON, too
	if err != nil {
		return nil, err
	}
	return v6.Token200JSONResponse{
		AccessToken:  grant.AccessToken,
		TokenType:    "bearer",
		ExpiresIn:    int64(grant.ExpiresAt.Sub(grant.IssuedAt).Seconds()),
		RefreshToken: grant.RefreshToken,
		UserName:     grant.UserName,
		Issued:       grant.IssuedAt.UTC(),
		Expires:      grant.ExpiresAt.UTC(),
	}, nil
}

// The ways to get a token. The first is the default.
const (
	grantPassword = "password"
	grantRefresh  = "refresh_token"
)

var errGrantType = invalid("grant_type must be one of %s, %s", grantPassword, grantRefresh)

// oauthError returns OAuth's name of a failure.
func oauthError(err error, status int) string {
	switch {
	case errors.Is(err, errGrantType):
		return "unsupported_grant_type"
	case status == http.StatusUnauthorized:
		return "invalid_grant"
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return "temporarily_unavailable"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request"
}

// SignOut answers DELETE /v6/token.
func (h *signing) SignOut(ctx context.Context, _ v6.SignOutRequestObject) (v6.SignOutResponseObject, error) {
	if err := h.auth.SignOut(ctx, infoFrom(ctx).token); err != nil {
		return nil, err
	}
	return v6.SignOut204Response{}, nil
}

func (h *signing) grant(ctx context.Context, body *v6.TokenRequest) (auth.Grant, error) {
	remote := infoFrom(ctx).remote
	switch deref(body.GrantType) {
	case "", grantPassword:
	case grantRefresh:
		token := deref(body.RefreshToken)
		if token == "" {
			return auth.Grant{}, invalid("refresh_token is required with grant_type refresh_token; add it to the body")
		}
		return h.auth.Refresh(ctx, token, remote)
	default:
		return auth.Grant{}, errGrantType
	}
	user, password := deref(body.Username), deref(body.Password)
	switch {
	case user == "":
		return auth.Grant{}, invalid("username is required with grant_type password; add it to the body")
	case password == "":
		return auth.Grant{}, invalid("password is required with grant_type password; add it to the body")
	}
	return h.auth.SignIn(ctx, user, password, remote)
}

// deref returns what p points to, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// present returns a pointer to v, or nil for the zero value, which leaves an optional
// field out.
func present[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
