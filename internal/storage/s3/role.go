package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Role is a role to assume with the keys, as in restic's
// RESTIC_AWS_ASSUME_ROLE_*.
type Role struct {
	ARN                             string
	SessionName, ExternalID, Policy string
	Region                          string // of the token service; the bucket's when empty
	Endpoint                        string // of the token service; Amazon's for the region when empty
	Seconds                         int    // length of a session; the service's own when 0
}

// WebIdentity is a role to assume with the token of another issuer, such as a Kubernetes
// cluster. The issuer renews the file.
type WebIdentity struct {
	TokenFile            string
	RoleARN, SessionName string
	Region, Endpoint     string // as in Role
}

// defaultSession names a session for the account's logs. Amazon demands a name.
const defaultSession = "syncline"

func sessionName(name string) string {
	if name == "" {
		return defaultSession
	}
	return name[:min(len(name), maxSessionName)]
}

// roleSource assumes a role with other keys, which may end and be renewed.
type roleSource struct {
	Role
	with   *credentials.Credentials
	at     *url.URL
	client *http.Client
}

// roleSource returns the source of the configuration's role.
func (c Config) roleSource(with credentials.Provider) (*roleSource, error) {
	role := *c.Role
	if role.Region == "" {
		role.Region = c.Region
	}
	return newRoleSource(role, with, objects.Options{CA: c.CA, DenyPrivate: c.DenyPrivate, Client: c.Client})
}

func newRoleSource(role Role, with credentials.Provider, o objects.Options) (*roleSource, error) {
	at, err := parseEndpoint(orTokenService(role.Endpoint, role.Region))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the endpoint to take a role at must be a host's name, with a port or https:// where needed, and nothing else")
	}
	o.AllowHTTP = at.Scheme == "http"
	client, err := objects.TokenClient(o)
	if err != nil {
		return nil, err
	}
	return &roleSource{Role: role, with: credentials.New(with), at: at, client: client}, nil
}

func orTokenService(endpoint, region string) string {
	if endpoint == "" {
		return tokenService(region)
	}
	return endpoint
}

// tokenService is Amazon's token service of a region.
func tokenService(region string) string {
	switch {
	case region == "":
		return "https://sts.amazonaws.com"
	case strings.HasPrefix(region, "cn-"):
		return "https://sts." + region + ".amazonaws.com.cn"
	}
	return "https://sts." + region + ".amazonaws.com"
}

func (r *roleSource) keys(ctx context.Context) (credentials.Value, error) {
	with, err := r.with.GetWithContext(asking(ctx))
	var failed *keyError
	if errors.As(err, &failed) {
		return credentials.Value{}, failed.error
	}
	if err != nil || with.AccessKeyID == "" || with.SecretAccessKey == "" {
		return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, err, "there are no keys to take the role %s with; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile", clip(r.ARN))
	}
	ask := credentials.STSAssumeRole{
		Client: r.client, STSEndpoint: r.at.Scheme + "://" + r.at.Host,
		Options: credentials.STSAssumeRoleOptions{
			AccessKey: with.AccessKeyID, SecretKey: with.SecretAccessKey, SessionToken: with.SessionToken,
			RoleARN: r.ARN, RoleSessionName: sessionName(r.SessionName), ExternalID: r.ExternalID, Policy: r.Policy, Location: r.Region, DurationSeconds: r.Seconds,
		},
	}
	value, err := ask.RetrieveWithCredContext(asking(ctx))
	if err != nil {
		return credentials.Value{}, roleFailed(ctx, err, r.ARN, r.at.Host)
	}
	if value.AccessKeyID == "" {
		return credentials.Value{}, roleFailed(ctx, errNoKeys, r.ARN, r.at.Host)
	}
	return value, nil
}

var errNoKeys = errors.New("the answer holds no keys")

// roleFailed is the error of a role that cannot be taken. It holds the service's code and
// none of its text.
func roleFailed(ctx context.Context, err error, arn, host string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused credentials.ErrorResponse
	var ours *syncline.Error
	var network *url.Error
	switch {
	case errors.As(err, &refused) && refused.STSError.Code != "":
		return roleRefused(err, refused.STSError.Code, arn, host)
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &network):
		return &storage.RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, network.Err, "the role %s cannot be taken: %s cannot be reached now", clip(arn), host)}
	}
	return syncline.WrapError(syncline.CodeUnavailable, objects.Opaque(err), "the role %s cannot be taken: %s does not answer like a token service", clip(arn), host)
}

func roleRefused(cause error, code, arn, host string) error {
	err := storage.Refused(objects.Opaque(cause), "the role %s cannot be taken: %s answers %q", clip(arn), host, clip(code))
	switch code {
	case "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "InternalFailure", "IDPCommunicationError":
		return &storage.RequestError{Retryable: true, Throttled: strings.HasPrefix(code, "Throttling"), Err: syncline.WrapError(syncline.CodeUnavailable, err, "the role %s cannot be taken now: %s answers %q", clip(arn), host, clip(code))}
	}
	return err
}

// webIdentitySource assumes a role with the token in a file.
type webIdentitySource struct {
	WebIdentity
	client *http.Client
}

// maxTokenFile bounds the file of a token, in bytes.
const maxTokenFile = 64 << 10

func (w *webIdentitySource) keys(ctx context.Context) (credentials.Value, error) {
	token, err := readBounded(w.TokenFile, maxTokenFile)
	if err != nil || strings.TrimSpace(token) == "" {
		return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, err, "the web identity's token in %s (AWS_WEB_IDENTITY_TOKEN_FILE) cannot be read", w.TokenFile)
	}
	if w.RoleARN == "" {
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not; it names the role that the token opens")
	}
	at, err := parseEndpoint(orTokenService(w.Endpoint, w.Region))
	if err != nil {
		return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, err, "the endpoint of the token service must be a host's name, with a port or https:// where needed, and nothing else")
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {credentials.STSVersion}, "RoleArn": {w.RoleARN},
		"RoleSessionName": {sessionName(w.SessionName)}, "WebIdentityToken": {strings.TrimSpace(token)},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.Scheme+"://"+at.Host+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the token service at %s cannot be asked", at.Host)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := objects.Ask(w.client, req, "the token service")
	if err != nil {
		return credentials.Value{}, err
	}
	return w.read(answer, at.Host)
}

// read reads the answer of the token service.
func (w *webIdentitySource) read(answer objects.Answer, host string) (credentials.Value, error) {
	var refused struct {
		Code string `xml:"Error>Code"`
	}
	if answer.Status != http.StatusOK {
		if err := xml.Unmarshal(answer.Body, &refused); err == nil && refused.Code != "" {
			return credentials.Value{}, roleRefused(nil, refused.Code, w.RoleARN, host)
		}
		return credentials.Value{}, roleFailed(context.Background(), errNoKeys, w.RoleARN, host)
	}
	var given struct {
		Result struct {
			Credentials struct {
				AccessKeyID     string    `xml:"AccessKeyId"`
				SecretAccessKey string    `xml:"SecretAccessKey"`
				SessionToken    string    `xml:"SessionToken"`
				Expiration      time.Time `xml:"Expiration"`
			} `xml:"Credentials"`
		} `xml:"AssumeRoleWithWebIdentityResult"`
	}
	keys := &given.Result.Credentials
	if err := xml.Unmarshal(answer.Body, &given); err != nil || keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return credentials.Value{}, roleFailed(context.Background(), errNoKeys, w.RoleARN, host)
	}
	return credentials.Value{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken, Expiration: keys.Expiration}, nil
}

// readBounded reads a small file.
func readBounded(path string, most int64) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return "", errors.New("it is no small file")
	}
	data, err := os.ReadFile(path)
	return string(data), err
}
