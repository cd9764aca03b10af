package api

import (
	"context"

	v6 "syncline.dev/syncline/internal/api/v6"
)

// Token answers POST /v6/token.
func (a *api) Token(ctx context.Context, req v6.TokenRequestObject) (v6.TokenResponseObject, error) {
	body := req.JSONBody
	if body == nil {
		body = req.FormdataBody
	}
	grant, err := a.grant(ctx, body)
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

// SignOut answers DELETE /v6/token.
func (a *api) SignOut(ctx context.Context, _ v6.SignOutRequestObject) (v6.SignOutResponseObject, error) {
	if err := a.Auth.SignOut(ctx, infoFrom(ctx).token); err != nil {
		return nil, err
	}
	return v6.SignOut204Response{}, nil
}

func (a *api) grant(ctx context.Context, body *v6.TokenRequest) (Grant, error) {
	remote := infoFrom(ctx).remote
	if body.GrantType == "refresh_token" {
		token := deref(body.RefreshToken)
		if token == "" {
			return Grant{}, invalid("refresh_token is required with grant_type refresh_token; add it to the body")
		}
		return a.Auth.Refresh(ctx, token, remote)
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
