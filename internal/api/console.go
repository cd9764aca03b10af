package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/auth"
)

// Console serves the web pages: everything but the API and its description.
type Console interface {
	http.Handler
	// Has reports whether there is a page or a file under an escaped path.
	Has(path string) bool
}

// The browser keeps the tokens in these cookies, where no script can read them. The
// prefix makes the browser refuse a cookie that another host or plain HTTP sets.
const (
	accessCookie  = "__Host-syncline-access"
	refreshCookie = "__Host-syncline-refresh"
	// refreshCookieLife is at least a refresh token's life. The server judges the token
	// itself.
	refreshCookieLife = 14 * 24 * time.Hour
)

// sameOrigin reports whether a page of this server sent the request. The cookie alone
// proves nothing, because browsers send it with requests from other ports of the host,
// too. Browsers set Sec-Fetch-Site themselves and let no page change it. Older browsers
// name the page's origin in Origin.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Values("Sec-Fetch-Site"); len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	origin := r.Header.Values("Origin")
	return len(origin) == 1 && equalFoldASCII(origin[0], "https://"+r.Host)
}

// cookie returns a cookie's value, "" when it is absent or sent twice.
func cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// readCookies takes the console's tokens from a request of its own pages.
func (info *requestInfo) readCookies(r *http.Request, names cookieNames) {
	if info.sameOrigin = sameOrigin(r); info.sameOrigin {
		info.access, info.refresh = cookie(r, names.access), cookie(r, names.refresh)
	}
}

// accessToken returns the token of a request: from the Authorization header,
// or else from the cookie when a page of this server asks.
func (info *requestInfo) accessToken(h http.Header) (string, error) {
	if len(h.Values("Authorization")) == 0 && info.access != "" {
		return info.access, nil
	}
	return bearerToken(h)
}

// onlyConsole fails for every request that no page of the console sent.
func onlyConsole(info *requestInfo) error {
	if info.sameOrigin {
		return nil
	}
	return syncline.Errorf(syncline.CodeForbidden,
		"this is for the console's own pages; programs get a token with POST /v6/token")
}

// ConsoleSignIn answers POST /v6/Console/SignIn.
func (h *signing) ConsoleSignIn(ctx context.Context, req v6.ConsoleSignInRequestObject) (v6.ConsoleSignInResponseObject, error) {
	info := infoFrom(ctx)
	if err := onlyConsole(info); err != nil {
		return nil, err
	}
	grant, err := h.auth.SignIn(ctx, req.Body.Username, req.Body.Password, info.remote)
	if err != nil {
		return nil, err
	}
	return h.signedIn(ctx, grant)
}

// ConsoleRenew answers POST /v6/Console/Renew.
func (h *signing) ConsoleRenew(ctx context.Context, _ v6.ConsoleRenewRequestObject) (v6.ConsoleRenewResponseObject, error) {
	info := infoFrom(ctx)
	if err := onlyConsole(info); err != nil {
		return nil, err
	}
	if info.refresh == "" {
		return nil, syncline.Errorf(syncline.CodeUnauthenticated, "nobody is signed in; sign in first")
	}
	grant, err := h.auth.Refresh(ctx, info.refresh, info.remote)
	if err != nil {
		return nil, err
	}
	return h.signedIn(ctx, grant)
}

// ConsoleSignOut answers POST /v6/Console/SignOut. Cookies whose tokens have
// ended already are deleted all the same.
func (h *signing) ConsoleSignOut(ctx context.Context, _ v6.ConsoleSignOutRequestObject) (v6.ConsoleSignOutResponseObject, error) {
	info := infoFrom(ctx)
	if err := onlyConsole(info); err != nil {
		return nil, err
	}
	for _, token := range []string{info.refresh, info.access} {
		if token == "" {
			continue
		}
		err := h.auth.SignOut(ctx, token)
		if err != nil && syncline.CodeOf(err) != syncline.CodeUnauthenticated {
			return nil, err
		}
	}
	return signedOut{h.cookies}, nil
}

// GetConsoleUser answers GET /v6/Console/User.
func (h *signing) GetConsoleUser(ctx context.Context, _ v6.GetConsoleUserRequestObject) (v6.GetConsoleUserResponseObject, error) {
	identity := infoFrom(ctx).identity
	return v6.GetConsoleUser200JSONResponse{UserName: identity.UserName, Role: string(identity.Role)}, nil
}

func (h *signing) signedIn(ctx context.Context, grant auth.Grant) (signedIn, error) {
	identity, err := h.auth.Authenticate(ctx, grant.AccessToken)
	if err != nil {
		return signedIn{}, err
	}
	expires := grant.ExpiresAt.UTC()
	return signedIn{h.cookies, grant, v6.ConsoleUser{UserName: identity.UserName, Role: string(identity.Role), Expires: &expires}}, nil
}

// signedIn is the answer that gives the tokens to the browser.
type signedIn struct {
	cookies cookieNames
	grant   auth.Grant
	user    v6.ConsoleUser
}

// VisitConsoleSignInResponse writes the answer.
func (s signedIn) VisitConsoleSignInResponse(w http.ResponseWriter) error { return s.write(w) }

// VisitConsoleRenewResponse writes the answer.
func (s signedIn) VisitConsoleRenewResponse(w http.ResponseWriter) error { return s.write(w) }

func (s signedIn) write(w http.ResponseWriter) error {
	body, err := json.Marshal(s.user)
	if err != nil {
		return fmt.Errorf("marshal the user: %w", err)
	}
	s.cookies.set(w, s.cookies.access, s.grant.AccessToken, s.grant.ExpiresAt.Sub(s.grant.IssuedAt))
	s.cookies.set(w, s.cookies.refresh, s.grant.RefreshToken, refreshCookieLife)
	w.Header().Set("Content-Type", contentTypeJSON)
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(append(body, '\n'))
	return err
}

// signedOut is the answer that takes the tokens back from the browser.
type signedOut struct{ cookies cookieNames }

// VisitConsoleSignOutResponse writes the answer.
func (s signedOut) VisitConsoleSignOutResponse(w http.ResponseWriter) error {
	s.cookies.set(w, s.cookies.access, "", 0)
	s.cookies.set(w, s.cookies.refresh, "", 0)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// set sets a cookie for a time, or deletes it when there is none.
func (n cookieNames) set(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{
		Name: name, Value: value, Path: n.path, MaxAge: int(life.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if life <= 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
