package s3

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Sources are places that access keys are looked for, in the order of the fields, if the
// configuration has none. Those that are nil are not looked at.
type Sources struct {
	Profile     *Profile
	MinIO       bool // the file of MinIO's client
	WebIdentity *WebIdentity
	Container   *Container
	Instance    *Instance
	// Required makes it an error that no place has keys. Otherwise requests are made
	// without.
	Required bool
}

// source is one place that keys can come from.
type source interface {
	// keys returns present keys, or none without an error where the place does not exist.
	keys(ctx context.Context) (credentials.Value, error)
}

// maxSessionName bounds the name of a session, as Amazon does.
const maxSessionName = 64

// sourcesOf returns the places to look for keys at.
func (c Config) sourcesOf() ([]source, error) {
	tokens, err := objects.TokenClient(objects.Options{CA: c.CA, AllowHTTP: true, Client: c.Client})
	if err != nil {
		return nil, err
	}
	s := c.Sources
	var list []source
	if s.Profile != nil {
		list = append(list, &profileSource{Profile: *s.Profile, client: tokens})
	}
	if s.MinIO {
		list = append(list, minioSource{})
	}
	if s.WebIdentity != nil {
		list = append(list, &webIdentitySource{WebIdentity: *s.WebIdentity, client: tokens})
	}
	if s.Container != nil {
		list = append(list, &containerSource{Container: *s.Container, client: objects.MetadataClient()})
	}
	if s.Instance != nil {
		list = append(list, &instanceSource{Instance: *s.Instance, client: objects.MetadataClient()})
	}
	return list, nil
}

// minioSource is the file of MinIO's client.
type minioSource struct{}

func (minioSource) keys(context.Context) (credentials.Value, error) {
	value, err := (&credentials.FileMinioClient{}).RetrieveWithCredContext(nil)
	if err != nil { // no such file, or none with an entry for S3
		return credentials.Value{}, nil //nolint:nilerr // as restic does
	}
	return value, nil
}

// Parts of the life of keys.
const (
	renewPart  = 0.8             // after this part of their life keys are replaced
	renewAgain = 1 * time.Minute // wait between tries to replace keys that still hold
	leastLife  = 10 * time.Second
)

// provider looks for keys, and renews them before they end. Its methods are called by one
// goroutine at a time, as the library promises.
type provider struct {
	sources  []source
	required bool
	now      func() time.Time
	value    credentials.Value
	have     bool
	renewAt  time.Time // zero: never
	none     atomic.Bool
}

// keyError is an error of getting keys, without an answer to the request itself.
type keyError struct{ error }

func (e *keyError) Unwrap() error { return e.error }

// RetrieveWithCredContext implements credentials.Provider.
func (p *provider) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	ctx := context.Background()
	if cc != nil && cc.Context != nil {
		ctx = cc.Context
	}
	value, err := p.find(ctx)
	now := p.now()
	switch {
	case err != nil && p.have && p.value.Expiration.After(now.Add(leastLife)):
		// The service is away. The present keys hold for a while.
		p.renewAt = now.Add(min(renewAgain, p.value.Expiration.Sub(now)/2))
		return p.value, nil
	case err != nil && ctx.Err() != nil:
		return credentials.Value{}, ctx.Err()
	case err != nil:
		return credentials.Value{}, &keyError{err}
	}
	p.value, p.have, p.renewAt = value, true, time.Time{}
	if !value.Expiration.IsZero() {
		p.renewAt = now.Add(time.Duration(float64(value.Expiration.Sub(now)) * renewPart))
	}
	return value, nil
}

// Retrieve implements credentials.Provider.
func (p *provider) Retrieve() (credentials.Value, error) { return p.RetrieveWithCredContext(nil) }

// IsExpired implements credentials.Provider.
func (p *provider) IsExpired() bool {
	return !p.have || !p.renewAt.IsZero() && !p.now().Before(p.renewAt)
}

// find returns the keys of the first place that has some. The error of a place counts only
// where no place has keys.
func (p *provider) find(ctx context.Context) (credentials.Value, error) {
	var failed error
	for _, s := range p.sources {
		value, err := s.keys(ctx)
		switch {
		case ctx.Err() != nil:
			return credentials.Value{}, ctx.Err()
		case err == nil && value.AccessKeyID == "":
			continue
		case err == nil && !value.Expiration.IsZero() && !value.Expiration.After(p.now().Add(leastLife)):
			err = storage.Refused(nil, "the access key that was found has ended; sign in again, or look at this machine's clock")
		}
		if err == nil {
			value.SignerType = credentials.SignatureV4
			p.none.Store(false)
			return value, nil
		}
		var final *finalError
		if errors.As(err, &final) {
			return credentials.Value{}, final.error
		}
		if failed == nil {
			failed = err
		}
	}
	if failed == nil && p.required {
		failed = syncline.Errorf(syncline.CodeInvalid, "this machine has no identity of Amazon's: there is no web identity, no container role and no instance role")
	}
	p.none.Store(failed == nil)
	return credentials.Value{SignerType: credentials.SignatureAnonymous}, failed
}

// finalError ends the search for keys: the user has named this place.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// newProvider returns the provider of the configuration's keys.
func (c Config) newProvider() (*provider, error) {
	p := &provider{now: time.Now}
	switch {
	case c.AccessKey != "" && c.SecretKey != "":
		p.sources = []source{staticSource{credentials.Value{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken}}}
	case c.AccessKey != "" || c.SecretKey != "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "an access key and its secret key must be given together")
	default:
		list, err := c.sourcesOf()
		if err != nil {
			return nil, err
		}
		p.sources, p.required = list, c.Sources.Required
	}
	if c.Role == nil {
		return p, nil
	}
	role, err := c.roleSource(p)
	if err != nil {
		return nil, err
	}
	return &provider{now: time.Now, sources: []source{role}, required: true}, nil
}

// staticSource has keys that do not end.
type staticSource struct{ credentials.Value }

func (s staticSource) keys(context.Context) (credentials.Value, error) { return s.Value, nil }

// asking makes the library's calls end with a context.
func asking(ctx context.Context) *credentials.CredContext {
	return &credentials.CredContext{Client: http.DefaultClient, Context: ctx}
}
