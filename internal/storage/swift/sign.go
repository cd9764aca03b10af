package swift

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	openstack "github.com/ncw/swift/v2"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage/objects"
)

// Credentials are what an identity service wants to know. Its address tells the
// version of its protocol: v1 knows UserName and Password, v2 a Tenant and a
// Region too, and v3 all.
type Credentials struct {
	AuthURL                                           string
	UserName, UserID, Domain, DomainID                string
	Password                                          string
	Region                                            string
	Tenant, TenantID, TenantDomain, TenantDomainID    string
	TrustID                                           string
	ApplicationID, ApplicationName, ApplicationSecret string
	StorageURL, AuthToken                             string // another program has signed in
}

// signed reports whether another program has signed in.
func (c *Credentials) signed() bool { return c.StorageURL != "" && c.AuthToken != "" }

// plain reports whether an address that a person has given names http.
func (c *Credentials) plain() bool {
	return strings.HasPrefix(c.AuthURL, "http://") || c.signed() && strings.HasPrefix(c.StorageURL, "http://")
}

// settle forgets an identity service that a known token does without, and that could
// not give another one.
func (c *Credentials) settle() {
	if c.signed() && (c.version() == 0 || c.complete() != nil) {
		c.AuthURL = ""
	}
}

func (c *Credentials) check() error {
	if c.signed() {
		if _, err := parseBase(c.StorageURL); err != nil {
			return syncline.Errorf(syncline.CodeInvalid, "the address of the object store must be like https://HOST:PORT/v1/AUTH_ACCOUNT")
		}
		if strings.ContainsFunc(c.AuthToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return syncline.Errorf(syncline.CodeInvalid, "the token of the object store has characters in it that no token has")
		}
	}
	switch {
	case c.AuthURL == "" && c.signed():
		return nil
	case c.AuthURL == "":
		return syncline.Errorf(syncline.CodeInvalid, "the address of the identity service is missing")
	}
	if err := CheckAuthURL(c.AuthURL); err != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "the address of the identity service %s", err.Error())
	}
	return c.complete()
}

// CheckAuthURL refuses what cannot be the address of an identity service. Its errors
// go on after a name of the address, and repeat nothing of it.
func CheckAuthURL(text string) error {
	if _, err := parseBase(text); err != nil {
		return errors.New("must be like https://HOST:5000/v3")
	}
	if (&Credentials{AuthURL: text}).version() == 0 {
		return errors.New("must name the version of its protocol, like https://HOST:5000/v3")
	}
	return nil
}

// complete refuses credentials that the library would send although something is
// missing.
func (c *Credentials) complete() error {
	application := (c.ApplicationID != "" || c.ApplicationName != "") && c.ApplicationSecret != ""
	switch {
	case c.version() == 3 && application:
		if c.ApplicationID == "" && c.UserID == "" && (c.UserName == "" || c.Domain == "" && c.DomainID == "") {
			return syncline.Errorf(syncline.CodeInvalid, "the name of an application credential needs its user: the user's ID, or the user's name and domain")
		}
	case c.UserName == "" && (c.version() != 3 || c.UserID == ""):
		return syncline.Errorf(syncline.CodeInvalid, "the user's name for the identity service is missing")
	case c.Password == "":
		return syncline.Errorf(syncline.CodeInvalid, "the user's password for the identity service is missing")
	}
	return nil
}

// version returns the version of the identity service's protocol as the library
// finds it, or 0.
func (c *Credentials) version() int {
	for _, v := range []string{"v3", "v2", "v1"} {
		if strings.Contains(c.AuthURL, v) {
			return int(v[1] - '0')
		}
	}
	return 0
}

// session is a token of an account.
type session struct {
	base    *url.URL // of the account
	token   string
	expires time.Time // zero when unknown
}

// early is the time before its end at which a token is replaced.
const early = time.Minute

// at returns the address of a request.
func (s *session) at(r request) string {
	u := *s.base
	u.Path = strings.TrimSuffix(s.base.Path, "/")
	u.RawPath = strings.TrimSuffix(s.base.EscapedPath(), "/")
	for _, element := range strings.Split(r.container+"/"+r.object, "/") {
		if element != "" {
			u.Path += "/" + element
			u.RawPath += "/" + url.PathEscape(element)
		}
	}
	u.RawQuery = r.query.Encode()
	return u.String()
}

// parseBase reads an address without a query, and without credentials.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "this is no address of a service")
	}
	return u, nil
}

// signer provides the present session. One call at a time signs in.
type signer struct {
	turn      chan struct{} // has one element while no call signs in
	current   *session
	conn      *openstack.Connection // nil where only a token is known
	transport *signTransport
	host      string // of the identity service
	region    string
}

func newSigner(c Credentials, transport http.RoundTripper) (*signer, error) {
	s := &signer{turn: make(chan struct{}, 1), region: c.Region}
	s.turn <- struct{}{}
	if c.signed() {
		base, err := parseBase(c.StorageURL)
		if err != nil {
			return nil, err
		}
		s.current = &session{base: base, token: c.AuthToken}
	}
	if c.AuthURL == "" {
		return s, nil
	}
	u, err := parseBase(c.AuthURL)
	if err != nil {
		return nil, err
	}
	s.host = u.Host
	s.transport = &signTransport{base: transport, twoForms: c.version() == 2}
	s.conn = &openstack.Connection{
		UserName: c.UserName, UserId: c.UserID, Domain: c.Domain, DomainId: c.DomainID, ApiKey: c.Password, AuthUrl: c.AuthURL, Region: c.Region,
		Tenant: c.Tenant, TenantId: c.TenantID, TenantDomain: c.TenantDomain, TenantDomainId: c.TenantDomainID, TrustId: c.TrustID,
		ApplicationCredentialId: c.ApplicationID, ApplicationCredentialName: c.ApplicationName, ApplicationCredentialSecret: c.ApplicationSecret,
		Transport: s.transport, UserAgent: "Syncline",
		ConnectTimeout: 24 * time.Hour, // the transport has its own
	}
	return s, nil
}

// renews reports whether there are credentials for another token.
func (s *signer) renews() bool { return s.conn != nil }

// get returns a session that is valid for a while.
func (s *signer) get(ctx context.Context) (*session, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	if s.current != nil && (s.current.expires.IsZero() || time.Until(s.current.expires) >= early || !s.renews()) {
		return s.current, nil
	}
	next, err := s.signIn(ctx)
	if err != nil {
		return nil, err
	}
	s.current = next
	return next, nil
}

// forget drops a session that the object store does not accept. Another call may
// have replaced it.
func (s *signer) forget(ctx context.Context, old *session) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	if s.current == old {
		s.current = nil
	}
	return nil
}

func (s *signer) take(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *signer) release() { s.turn <- struct{}{} }

// signIn gets a token. The errors repeat no text of the library, which can hold
// the service's answer.
func (s *signer) signIn(ctx context.Context) (*session, error) {
	callCtx, call := objects.Document(ctx)
	s.transport.refused = 0
	s.conn.UnAuthenticate()
	// The library also fails for a token that ends within a minute.
	if err := s.conn.Authenticate(callCtx); err != nil && (s.conn.StorageUrl == "" || s.conn.AuthToken == "") {
		return nil, s.failed(ctx, call)
	}
	base, err := parseBase(s.conn.StorageUrl)
	if err != nil {
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the identity service at %s gives no valid address of the object store", s.host)
	}
	if base.Scheme == "http" && strings.HasPrefix(s.conn.AuthUrl, "https://") {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the identity service at %s leads to an object store over http, without encryption, which would show the token to everybody on the way; its operator must give it an https address", s.host)
	}
	next := &session{base: base, token: s.conn.AuthToken, expires: s.conn.Expires}
	if !next.expires.IsZero() && time.Until(next.expires) < early {
		next.expires = time.Time{} // a clock is wrong; the object store tells when the token ends
	}
	return next, nil
}

// signTransport makes the requests of the library to the identity service. It
// follows no redirect. The library tries everything that is refused a second time:
// in v2 in another form, and in other versions as it was. So that no account is
// locked too early, the transport answers the second one itself.
type signTransport struct {
	base     http.RoundTripper
	twoForms bool
	refused  int // status of a refusal in this sign-in
}

// RoundTrip implements http.RoundTripper.
func (t *signTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.refused != 0 && !t.twoForms {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return &http.Response{StatusCode: t.refused, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	// The library reads a body that it has closed, which is no fault of the network.
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode >= 300 {
		t.refused, resp.Body = resp.StatusCode, http.NoBody
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		resp.Header.Del("Location")
		resp.StatusCode = http.StatusNotFound
	}
	return resp, nil
}
