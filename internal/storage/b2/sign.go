package b2

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// session is a token with the addresses that it is for.
type session struct {
	token, account string
	api, download  *url.URL
	bucket, id     string // the one bucket that the key opens, "" for all
	prefix         string // of the names that the key opens
}

// opens refuses a bucket that the key does not open.
func (s *session) opens(bucket string) error {
	if s.id == "" || s.bucket == bucket {
		return nil
	}
	return storage.Refused(nil, "this application key opens another bucket than %q only", bucket)
}

// file returns the address of a file. Backblaze reads a plus as a space.
func (s *session) file(bucket, name string) string {
	u := *s.download
	u.Path, u.RawPath = "/file/"+bucket+"/"+name, "/file/"+bucket
	for element := range strings.SplitSeq(name, "/") {
		u.RawPath += "/" + strings.ReplaceAll(url.PathEscape(element), "+", "%2B")
	}
	return u.String()
}

// signer provides the present session. One call at a time signs in.
type signer struct {
	turn      chan struct{} // has one element while no call signs in
	current   *session
	keyID     string
	key       string
	base      *url.URL
	transport http.RoundTripper
}

func newSigner(c Config, base *url.URL, transport http.RoundTripper) *signer {
	s := &signer{turn: make(chan struct{}, 1), keyID: c.KeyID, key: c.Key, base: base, transport: transport}
	s.turn <- struct{}{}
	return s
}

// get returns the present session. Backblaze tells when it ends, a day later.
func (s *signer) get(ctx context.Context) (*session, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	if s.current == nil {
		next, err := s.signIn(ctx)
		if err != nil {
			return nil, err
		}
		s.current = next
	}
	return s.current, nil
}

// forget drops a session that is not accepted. Another call may have replaced it.
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

// authorization is the answer to a sign-in.
type authorization struct {
	Account string `json:"accountId"`
	Token   string `json:"authorizationToken"`
	Info    struct {
		Storage *struct {
			API      string `json:"apiUrl"`
			Download string `json:"downloadUrl"`
			Bucket   string `json:"bucketName"`
			ID       string `json:"bucketId"`
			Prefix   string `json:"namePrefix"`
		} `json:"storageApi"`
	} `json:"apiInfo"`
}

func (s *signer) signIn(ctx context.Context) (*session, error) {
	callCtx, call := objects.Document(ctx)
	req, err := http.NewRequestWithContext(callCtx, http.MethodGet, s.base.String()+"/b2api/v3/b2_authorize_account", http.NoBody)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "Backblaze's address is not valid")
	}
	req.SetBasicAuth(s.keyID, s.key)
	resp, err := send(ctx, s.transport, call, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, s.refused(ctx, call, resp.StatusCode, codeOf(resp))
	}
	var a authorization
	if err := read(ctx, call, resp, &a); err != nil {
		return nil, err
	}
	if a.Token == "" || a.Info.Storage == nil {
		return nil, notB2(call.Answer(""))
	}
	next := &session{token: a.Token, account: a.Account, bucket: a.Info.Storage.Bucket, id: a.Info.Storage.ID, prefix: a.Info.Storage.Prefix}
	if next.api, err = s.leads(a.Info.Storage.API); err != nil {
		return nil, err
	}
	if next.download, err = s.leads(a.Info.Storage.Download); err != nil {
		return nil, err
	}
	return next, nil
}

// leads reads an address that a sign-in has given. The transport checks where it
// leads, as that of any other.
func (s *signer) leads(address string) (*url.URL, error) {
	u, err := parseBase(address)
	if err != nil || u.Scheme == "http" && s.base.Scheme == "https" {
		return nil, syncline.Errorf(syncline.CodeUnavailable, "%s gives no valid address of the storage", s.base.Host)
	}
	return u, nil
}

// refused translates a sign-in without success.
func (s *signer) refused(ctx context.Context, call *objects.Call, status int, code string) error {
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	cause := call.Answer(code)
	switch {
	case code == "":
		return notB2(cause)
	case code == "transaction_cap_exceeded":
		return capped(cause)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return storage.Refused(cause, "Backblaze does not accept the application key %q; look at its id, and whether it was deleted", clip(s.keyID))
	}
	return refusal(cause, status, code)
}
