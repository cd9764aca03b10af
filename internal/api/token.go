package api

import (
	"context"
	"errors"
	"net/http"

	v6 "syncline.dev/syncline/internal/api/v6"
)

// Token answers POST /v6/token.
func (a *api) Token(ctx context.Context, req v6.TokenRequestObject) (v6.TokenResponseObject, error) {
	grant, err := a.grant(ctx, req.JSONBody) // a form comes as JSON, too
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

// The ways to get a token. The first is meant where none is named.
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
func (a *api) SignOut(ctx context.Context, _ v6.SignOutRequestObject) (v6.SignOutResponseObject, error) {
	if err := a.Auth.SignOut(ctx, infoFrom(ctx).token); err != nil {
		return nil, err
	}
	return v6.SignOut204Response{}, nil
}

func (a *api) grant(ctx context.Context, body *v6.TokenRequest) (Grant, error) {
	remote := infoFrom(ctx).remote
	switch deref(body.GrantType) {
	case "", grantPassword:
	case grantRefresh:
		token := deref(body.RefreshToken)
		if token == "" {
			return Grant{}, invalid("refresh_token is required with grant_type refresh_token; add it to the body")
		}
		return a.Auth.Refresh(ctx, token, remote)
	default:
		return Grant{}, errGrantType
	}
	user, password := deref(body.Username), deref(body.Password)
	switch {
	case user == "":
		return Grant{}, invalid("username is required with grant_type password; add it to the body")
	case password == "":
		return Grant{}, invalid("password is required with grant_type password; add it to the body")
	}
	return a.Auth.SignIn(ctx, user, password, remote)
}

// deref returns what p points to, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// present returns a pointer to v, or nil for the zero value: an optional field
// that is left out when there is nothing to say.
func present[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
