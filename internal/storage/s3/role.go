package s3

import (
	"errors"
	"net/http"
	"strings"

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
}

// assume returns the credentials of the role. keys must be present. The first
// request assumes the role, and a later one assumes it again before it ends.
func (c Config) assume(keys *credentials.Credentials) (*credentials.Credentials, error) {
	with, err := keys.GetWithContext(nil)
	if err != nil || with.AccessKeyID == "" || with.SecretAccessKey == "" {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "there are no keys to take the role %s with; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile", clip(c.Role.ARN))
	}
	region := c.Role.Region
	if region == "" {
		region = c.Region
	}
	endpoint := c.Role.Endpoint
	if endpoint == "" {
		endpoint = tokenService(region)
	}
	at, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the endpoint to take a role at must be a host's name, with a port or https:// where needed, and nothing else")
	}
	transport, err := objects.NewTransport(objects.Options{CA: c.CA, AllowHTTP: at.Scheme == "http", DenyPrivate: c.DenyPrivate, Client: c.Client})
	if err != nil {
		return nil, err
	}
	return credentials.New(&roleProvider{arn: c.Role.ARN, host: at.Host, STSAssumeRole: credentials.STSAssumeRole{
		Client: &http.Client{Transport: transport}, STSEndpoint: at.Scheme + "://" + at.Host,
		Options: credentials.STSAssumeRoleOptions{
			AccessKey: with.AccessKeyID, SecretKey: with.SecretAccessKey, SessionToken: with.SessionToken,
			RoleARN: c.Role.ARN, RoleSessionName: c.Role.SessionName, ExternalID: c.Role.ExternalID, Policy: c.Role.Policy, Location: region,
		},
	}}), nil
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

// roleProvider assumes a role. Its errors name the role.
type roleProvider struct {
	credentials.STSAssumeRole
	arn, host string
}

// RetrieveWithCredContext implements credentials.Provider.
func (p *roleProvider) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	value, err := p.STSAssumeRole.RetrieveWithCredContext(cc)
	if err != nil {
		return value, &roleError{p.failed(err)}
	}
	return value, nil
}

// Retrieve implements credentials.Provider.
func (p *roleProvider) Retrieve() (credentials.Value, error) { return p.RetrieveWithCredContext(nil) }

func (p *roleProvider) failed(err error) error {
	var refused credentials.ErrorResponse
	if errors.As(err, &refused) && refused.STSError.Code != "" {
		return storage.Refused(objects.Opaque(err), "the role %s cannot be taken: %s answers %q", clip(p.arn), p.host, clip(refused.STSError.Code))
	}
	return syncline.WrapError(syncline.CodeUnavailable, objects.Opaque(err), "the role %s cannot be taken: %s does not answer like a token service", clip(p.arn), p.host)
}

// roleError is an error of assuming a role, without an answer to the request
// itself.
type roleError struct{ error }

func (e *roleError) Unwrap() error { return e.error }
