package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"syncline.dev/syncline"
)

// Client is a user of one server.
type Client struct {
	base    string // without a slash at the end
	http    *http.Client
	tokens  *tokens
	agent   string
	manager string
}

// Options say who uses the server and what is trusted.
type Options struct {
	// UserName and Password sign in when there is no token yet, and again when
	// the last one has ended. They may be empty where Tokens has some.
	UserName, Password string

	// Tokens keeps the tokens; a NewMemoryStore when nil.
	Tokens TokenStore

	// Fingerprint is the SHA-256 of the server's certificate as it prints it at
	// the start: 64 hexadecimal digits, with or without colons. Only this
	// certificate is trusted then, whatever names and dates are in it.
	Fingerprint string

	// CertificateAuthorities holds certificates in PEM that are trusted beside
	// the system's.
	CertificateAuthorities []byte

	// Transport replaces the way requests are sent; the two fields above have
	// no effect then.
	Transport http.RoundTripper

	// UserAgent names the program in the server's log.
	UserAgent string

	// Manager is the name of a file of declarations for which the requests are made.
	// All that is added or changed becomes the file's (ManagedBy), and only requests
	// with its name change it from then on. "" for none.
	Manager string
}

const (
	// answerTimeout bounds the wait for the beginning of an answer. A search
	// takes a few seconds, and others may be before it.
	answerTimeout = 2 * time.Minute
	// maxAnswer bounds a JSON answer, in bytes.
	maxAnswer = 1 << 30
	// maxFailure bounds what is read of a failure.
	maxFailure = 64 << 10
)

// New makes a Client of the server at an address such as
// https://backup.example:4443. It sends nothing yet.
func New(address string, o Options) (*Client, error) {
	base, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		if transport, err = newTransport(&o); err != nil {
			return nil, err
		}
	}
	c := &Client{base: base, agent: o.UserAgent, manager: o.Manager, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if c.agent == "" {
		c.agent = "syncline-client"
	}
	c.tokens = newTokens(c, &o)
	return c, nil
}

// ParseAddress gives the address of a server its one form: https, host, port where it
// is not 443, and the path under which a reverse proxy has the server, if there is one.
// Without a scheme it is https.
func ParseAddress(address string) (string, error) {
	text := strings.TrimSpace(address)
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "", fmt.Errorf("%q is not the address of a server; write it like https://backup.example:4443", address)
	case u.Scheme != "https":
		return "", fmt.Errorf("%q is not an https address; Syncline serves nothing else", address)
	case u.User != nil:
		return "", errors.New("the address of the server must not hold a user name or a password")
	case u.RawQuery != "" || u.Fragment != "" || strings.Contains(strings.Trim(u.EscapedPath(), "/"), "//"):
		return "", fmt.Errorf("%q has something behind the host; write it like https://backup.example:4443 or https://example.org/syncline", address)
	case strings.HasPrefix(strings.ToLower(u.Path)+"/", "/v6/"):
		return "", fmt.Errorf("%q is an address of the API; leave out what stands behind the host", address)
	}
	host := strings.ToLower(u.Host)
	path := strings.Trim(u.EscapedPath(), "/")
	if path != "" {
		path = "/" + path
	}
	return "https://" + strings.TrimSuffix(host, ":443") + path, nil
}

// Address returns the server's address.
func (c *Client) Address() string { return c.base }

// CloseIdleConnections closes connections that no request uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Error is a request that the server refused.
type Error struct {
	// Status is the HTTP status, such as 404.
	Status int
	// Message is the server's sentence: what was wrong and what to do.
	Message string
	// RetryAfter is how long to wait after too many attempts (429); 0 elsewhere.
	RetryAfter time.Duration
	// Confirm has settings that would let the request pass, such as "hostKey", the key that
	// a storage's host has shown. The user compares them before they are sent.
	Confirm map[string]string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// StatusOf returns the HTTP status with which the server refused, 0 for any
// other error.
func StatusOf(err error) int {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

// refusal reads the answer of a request that failed.
func refusal(res *http.Response) *Error {
	e := &Error{Status: res.StatusCode}
	var body struct {
		Message string            `json:"message"`
		Confirm map[string]string `json:"confirm"`
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxFailure))
	if err == nil && json.Unmarshal(raw, &body) == nil && body.Message != "" {
		e.Message, e.Confirm = body.Message, body.Confirm
	} else {
		e.Message = fmt.Sprintf("the server answered %d %s without saying why; is this a Syncline server?", res.StatusCode, http.StatusText(res.StatusCode))
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any // sent as JSON
	header       http.Header
}

// at makes a path of pieces that may hold anything.
func at(pieces ...string) string {
	var b strings.Builder
	b.WriteString("/v6")
	for _, p := range pieces {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// under is a path below a thing that has an id.
func under(collection string, id syncline.ID, rest ...string) string {
	return at(append([]string{collection, string(id)}, rest...)...)
}

// do sends a request as the user and returns an answer that is no failure,
// whose body is to be closed. A token that the server does not take any more is
// replaced once.
func (c *Client) do(ctx context.Context, q call) (*http.Response, error) {
	token, err := c.tokens.get(ctx, "")
	if err != nil {
		return nil, err
	}
	res, err := c.send(ctx, q, token)
	if StatusOf(err) != http.StatusUnauthorized {
		return res, err
	}
	if token, err = c.tokens.get(ctx, token); err != nil {
		return nil, err
	}
	return c.send(ctx, q, token)
}

// send sends a request once.
func (c *Client) send(ctx context.Context, q call, token string) (*http.Response, error) {
	var body io.Reader
	if q.body != nil {
		raw, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	target := c.base + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Syncline-Extensions", "1") // all kinds are known here
	if c.manager != "" {
		req.Header.Set("Syncline-Manager", c.manager)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, refusal(res)
}

// unreachable says of a request without an answer what went wrong.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if untrusted := untrusted(err); untrusted != nil {
		untrusted.Address = c.base
		return untrusted
	}
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err // the rest is the request's address, which may hold names of files
	}
	return &UnreachableError{Address: c.base, Err: err}
}

// UnreachableError is a request that got no answer.
type UnreachableError struct {
	Address string // of the server
	Err     error
}

// Error names the server and the cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the server at %s cannot be reached: %v", e.Address, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// fetch sends a request and reads the JSON answer.
func fetch[T any](ctx context.Context, c *Client, q call) (answer T, err error) {
	res, err := c.do(ctx, q)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	return decode[T](ctx, res.Body)
}

func decode[T any](ctx context.Context, body io.Reader) (answer T, err error) {
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&answer); err != nil {
		if ctx.Err() != nil {
			return answer, ctx.Err()
		}
		return answer, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return answer, nil
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return fetch[T](ctx, c, call{method: http.MethodGet, path: path, query: query})
}

// perform sends a request whose answer says nothing.
func (c *Client) perform(ctx context.Context, method, path string, body any) error {
	res, err := c.do(ctx, call{method: method, path: path, body: body})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxFailure))
	return err
}
