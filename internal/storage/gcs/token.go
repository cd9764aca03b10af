package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// scope is the right of the tokens: to read.
const scope = "https://www.googleapis.com/auth/devstorage.read_only"

// early is the time before its end at which a token is replaced. maxSkew is the
// error that a clock may have when a token is requested.
const (
	early   = time.Minute
	least   = 10 * time.Second // a token that holds longer is used while no other one comes
	maxSkew = 5 * time.Minute
	// patience bounds the questions for one token.
	patience = 45 * time.Second
)

// tokens provides the present access token. One call at a time fetches it.
type tokens struct {
	turn    chan struct{} // has one element while no call fetches
	current *oauth2.Token
	fetch   func(ctx context.Context) (*oauth2.Token, error)
}

func newTokens(c Config, transport http.RoundTripper) (*tokens, error) {
	t := &tokens{turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	switch {
	case c.AccessToken != "":
		if strings.ContainsFunc(c.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, syncline.Errorf(syncline.CodeInvalid, "the access token has characters in it that no token has")
		}
		t.current = &oauth2.Token{AccessToken: c.AccessToken}
	case len(c.KeyFile) > 0:
		// Keys of service accounts only: other kinds can name programs to run,
		// and addresses that other secrets would be sent to.
		config, err := google.JWTConfigFromJSON(c.KeyFile, scope)
		if err != nil || config.Email == "" || len(config.PrivateKey) == 0 {
			return nil, syncline.Errorf(syncline.CodeInvalid, "the key file is no JSON key of a Google service account")
		}
		t.fetch = func(ctx context.Context) (*oauth2.Token, error) {
			return fetched(ctx, transport, func(ctx context.Context) (*oauth2.Token, error) {
				return config.TokenSource(ctx).Token()
			})
		}
	case c.UserCredentials:
		far, err := objects.TokenClient(objects.Options{CA: c.CA, Client: c.Client})
		if err != nil {
			return nil, err
		}
		t.fetch = c.own(far)
	case c.Anonymous:
		return nil, nil
	default:
		return nil, syncline.Errorf(syncline.CodeInvalid, "there are no credentials for Google Cloud Storage; give the JSON key of a service account or an access token")
	}
	return t, nil
}

// serviceKey has the fields of a service account's key file that the library
// does not return.
type serviceKey struct {
	Project  string `json:"project_id"`
	TokenURI string `json:"token_uri"`
}

// readKey reads a key file that newTokens has accepted.
func readKey(file []byte) (k serviceKey) {
	_ = json.Unmarshal(file, &k)
	return k
}

// tokensFrom reports whether the endpoint itself gives the tokens. Then it
// learns nothing new from them.
func (k serviceKey) tokensFrom(endpoint *url.URL) bool {
	u, err := url.Parse(k.TokenURI)
	return err == nil && u.Scheme == endpoint.Scheme && strings.EqualFold(u.Host, endpoint.Host)
}

// own returns the function that gets tokens of the user or the machine.
func (c Config) own(far *http.Client) func(context.Context) (*oauth2.Token, error) {
	transport := nearOrFar{near: objects.MetadataClient().Transport, far: far.Transport}
	return func(ctx context.Context) (*oauth2.Token, error) {
		return fetched(ctx, transport, func(ctx context.Context) (*oauth2.Token, error) {
			if c.ActFor == "" {
				return userToken(ctx, scope)
			}
			with, err := userToken(ctx, wide)
			if err != nil {
				return nil, err
			}
			return actFor(ctx, far, c.ActFor, with)
		})
	}
}

// get returns the text of a token that is valid for a while.
func (t *tokens) get(ctx context.Context) (string, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { t.turn <- struct{}{} }()
	if t.current == nil || !t.current.Expiry.IsZero() && time.Until(t.current.Expiry) < early {
		token, err := t.fetch(ctx)
		switch {
		case err == nil:
			t.current = token
		case ctx.Err() != nil || t.current == nil || time.Until(t.current.Expiry) < least:
			return "", err
		}
	}
	return t.current.AccessToken, nil
}

// fetched runs get with a client that ends with ctx and uses transport, and
// translates its errors. It keeps no text of them, because they can hold signed
// data and answers.
func fetched(ctx context.Context, transport http.RoundTripper, get func(context.Context) (*oauth2.Token, error)) (*oauth2.Token, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	callCtx, call := objects.Document(within)
	client := &http.Client{Transport: bound{callCtx, transport}}
	token, err := get(context.WithValue(callCtx, oauth2.HTTPClient, client))
	if err == nil {
		return token, nil
	}
	var again *storage.RequestError
	var ours *syncline.Error
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &again):
		return nil, again
	case errors.As(err, &ours):
		return nil, ours
	}
	if trouble := call.Trouble(ctx); trouble != nil {
		return nil, trouble
	}
	theirs := call.Date()
	if off := time.Since(theirs).Round(time.Second).Abs(); !theirs.IsZero() && off > maxSkew {
		return nil, syncline.WrapError(syncline.CodeUnavailable, call.Answer(""), "this machine's clock differs from Google's by %s, too much to get an access token; set it", off)
	}
	var code *oauth2.RetrieveError
	if errors.As(err, &code) && code.ErrorCode != "" && strings.Trim(code.ErrorCode, "abcdefghijklmnopqrstuvwxyz_") == "" {
		return nil, storage.Refused(call.Answer(code.ErrorCode), "Google gives no access token for these credentials (%s); look whether the key was deleted or the account disabled, or sign in again", clip(code.ErrorCode))
	}
	if call.Status() == 0 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "no access token can be had with the credentials for Google Cloud Storage; look at the key file")
	}
	return nil, storage.Refused(call.Answer(""), "Google gives no access token for these credentials; look whether the key was deleted or the account disabled")
}

// bound makes requests end with a context, which the library's do not.
type bound struct {
	ctx  context.Context
	base http.RoundTripper
}

func (b bound) RoundTrip(req *http.Request) (*http.Response, error) {
	return b.base.RoundTrip(req.WithContext(b.ctx))
}
