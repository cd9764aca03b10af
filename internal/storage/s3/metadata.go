package s3

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Container is the role of a container, which an agent beside it serves.
type Container struct {
	RelativeURI string // below the agent of ECS
	FullURI     string // of another agent, such as that of EKS
	Token       string // shown to the agent
	TokenFile   string // holds the token, and is renewed; it wins over Token
}

// Instance is the role of a virtual machine, which its metadata service serves.
type Instance struct {
	Endpoint string // Amazon's link-local address when empty
	NoV1     bool   // never ask without a session of the service
}

// Addresses of Amazon's agents.
const (
	instanceEndpoint  = "http://169.254.169.254"
	containerEndpoint = "http://169.254.170.2"
)

// agents are the addresses, besides loopback, that a container's agent may have over http.
var agents = []netip.Addr{
	netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("169.254.170.23"), netip.MustParseAddr("fd00:ec2::23"),
}

type containerSource struct {
	Container
	client *http.Client
}

func (c *containerSource) keys(ctx context.Context) (credentials.Value, error) {
	address := c.FullURI
	if c.RelativeURI != "" {
		address = containerEndpoint + "/" + strings.TrimPrefix(c.RelativeURI, "/")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !isAgent(u) {
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "AWS_CONTAINER_CREDENTIALS_FULL_URI must name the container's own agent: a loopback address, an address of ECS or EKS, or a host over https")
	}
	token := c.Token
	if c.TokenFile != "" {
		if token, err = readBounded(c.TokenFile, maxTokenFile); err != nil {
			return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, err, "the container's token in %s (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) cannot be read", c.TokenFile)
		}
	}
	if token = strings.TrimSpace(token); strings.ContainsAny(token, "\r\n") {
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "the container's token has more than one line")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return credentials.Value{}, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the container's agent cannot be asked")
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	const what = "the agent for the container's role"
	answer, err := objects.Ask(c.client, req, what)
	if err != nil {
		return credentials.Value{}, err
	}
	return metadataKeys(answer, what, u.Host)
}

// isAgent reports whether an address can be a container's agent.
func isAgent(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return true
	case "http":
	default:
		return false
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return false
	}
	for _, a := range agents {
		if ip == a {
			return true
		}
	}
	return ip.IsLoopback()
}

// metadataKeys reads the answer of a metadata service.
func metadataKeys(answer objects.Answer, what, host string) (credentials.Value, error) {
	var given struct {
		Code                                string
		AccessKeyID, SecretAccessKey, Token string
		Expiration                          time.Time
	}
	err := json.Unmarshal(answer.Body, &given)
	switch {
	case answer.Status != http.StatusOK:
		return credentials.Value{}, storage.Refused(nil, "%s at %s answers %d %q", what, host, answer.Status, codeText(given.Code))
	case err == nil && given.Code != "" && given.Code != "Success":
		return credentials.Value{}, storage.Refused(nil, "%s at %s answers %q", what, host, codeText(given.Code))
	case err != nil || given.AccessKeyID == "" || given.SecretAccessKey == "":
		return credentials.Value{}, syncline.Errorf(syncline.CodeUnavailable, "%s at %s does not answer like such a service", what, host)
	}
	return credentials.Value{AccessKeyID: given.AccessKeyID, SecretAccessKey: given.SecretAccessKey, SessionToken: given.Token, Expiration: given.Expiration}, nil
}

// codeText keeps of a code what can stand in an error.
func codeText(code string) string {
	if strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return "unreadable"
	}
	return clip(code)
}

type instanceSource struct {
	Instance
	client *http.Client
}

// Paths of the metadata service, the patience with it, and with a machine that has none.
const (
	tokenWait       = 10 * time.Second
	instanceRoles   = "/latest/meta-data/iam/security-credentials/"
	instanceSession = "/latest/api/token"
	instanceWait    = 2 * time.Second
	instanceWhat    = "the instance's metadata service"
)

func (i *instanceSource) keys(ctx context.Context) (credentials.Value, error) {
	base := strings.TrimSuffix(i.Endpoint, "/")
	if base == "" {
		base = instanceEndpoint
	}
	at, err := url.Parse(base)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return credentials.Value{}, syncline.Errorf(syncline.CodeInvalid, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no address like http://169.254.169.254")
	}
	session, sure, err := i.session(ctx, base)
	if err != nil {
		return credentials.Value{}, err
	}
	wait := tokenWait
	if !sure {
		wait = instanceWait
	}
	names, err := i.ask(ctx, wait, base+instanceRoles, session)
	switch {
	case err != nil && !sure && i.Endpoint == "" && ctx.Err() == nil:
		return credentials.Value{}, nil // there is no such service: this machine is not in Amazon's cloud
	case err != nil:
		return credentials.Value{}, err
	case names.Status == http.StatusNotFound:
		return credentials.Value{}, nil // the instance has no role
	case names.Status != http.StatusOK:
		return credentials.Value{}, storage.Refused(nil, "%s at %s answers %d", instanceWhat, at.Host, names.Status)
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(names.Body)), "\n")
	if name = strings.TrimSpace(name); name == "" || len(name) > 256 || strings.ContainsAny(name, "<>") {
		return credentials.Value{}, nil
	}
	answer, err := i.ask(ctx, tokenWait, base+instanceRoles+url.PathEscape(name), session)
	if err != nil {
		return credentials.Value{}, err
	}
	return metadataKeys(answer, instanceWhat, at.Host)
}

// session opens a session with the metadata service. It is "" with a service that has no
// sessions, or does not answer; sure is false then unless the service said so.
func (i *instanceSource) session(ctx context.Context, base string) (session string, sure bool, err error) {
	within, cancel := context.WithTimeout(ctx, instanceWait)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodPut, base+instanceSession, http.NoBody)
	if err != nil {
		return "", false, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "%s cannot be asked", instanceWhat)
	}
	req.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
	answer, err := objects.Ask(i.client, req, instanceWhat)
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case err == nil && answer.Status == http.StatusOK:
		return strings.TrimSpace(string(answer.Body)), true, nil
	case err == nil && answer.Status == http.StatusForbidden:
		return "", false, storage.Refused(nil, "%s at %s is turned off for this instance (403)", instanceWhat, req.URL.Host)
	case i.NoV1:
		return "", false, storage.Refused(nil, "%s at %s gives no session, and AWS_EC2_METADATA_V1_DISABLED forbids to ask without", instanceWhat, req.URL.Host)
	}
	return "", err == nil, nil
}

// ask asks the metadata service for at most wait.
func (i *instanceSource) ask(ctx context.Context, wait time.Duration, address, session string) (objects.Answer, error) {
	within, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodGet, address, http.NoBody)
	if err != nil {
		return objects.Answer{}, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "%s cannot be asked", instanceWhat)
	}
	if session != "" {
		req.Header.Set("X-Aws-Ec2-Metadata-Token", session)
	}
	answer, err := objects.Ask(i.client, req, instanceWhat)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = syncline.WrapError(syncline.CodeUnavailable, err, "%s at %s did not answer in time", instanceWhat, req.URL.Host)
	}
	return answer, err
}
