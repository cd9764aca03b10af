package azure

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Identity is an identity of Entra that gives tokens. One of the fields is set.
type Identity struct {
	// User takes what Azure's tools have set up for this program's user: a service principal
	// in variables, a workload identity, a managed identity, or a sign-in. It can run a
	// program, so a server must never set it.
	User bool
	// CLI takes tokens from the Azure CLI alone. It runs a program.
	CLI bool
	// Machine takes the identity that the cloud gives this machine: a workload identity or
	// a managed one.
	Machine *Machine
	// Principal is an application with a secret.
	Principal *Principal
}

// Machine is the identity of this machine; ClientID names one of several, or is "".
type Machine struct{ ClientID string }

// Principal is a service principal.
type Principal struct{ Tenant, Client, Secret string }

// worlds are the sign-in services of Azure's worlds.
var worlds = map[string]cloud.Configuration{
	"core.chinacloudapi.cn": cloud.AzureChina, "core.usgovcloudapi.net": cloud.AzureGovernment,
}

// credential returns the source of tokens.
func (c Config) credential() (azcore.TokenCredential, error) {
	id := c.Identity
	if id.CLI {
		return cliCredential{}, nil
	}
	tokens, err := objects.TokenClient(objects.Options{CA: c.CA, Client: c.Client})
	if err != nil {
		return nil, err
	}
	options := azcore.ClientOptions{
		Transport: &http.Client{Transport: identityRoute{tokens.Transport, objects.MetadataClient().Transport, objects.Machine(objects.Microsoft) != objects.Outside || id.Machine != nil}, Timeout: tokens.Timeout, CheckRedirect: tokens.CheckRedirect},
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
	if world, ok := worlds[c.EndpointSuffix]; ok && os.Getenv("AZURE_AUTHORITY_HOST") == "" {
		options.Cloud = world
	}
	// The library would ask Azure's public cloud about a sign-in service that it does not know.
	private := isPrivateAuthority(os.Getenv("AZURE_AUTHORITY_HOST"))
	var cred azcore.TokenCredential
	switch {
	case id.Principal != nil:
		p := id.Principal
		cred, err = azidentity.NewClientSecretCredential(p.Tenant, p.Client, p.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private})
	case id.Machine != nil:
		cred, err = id.Machine.credential(options, private)
	default:
		cred, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private})
	}
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, errOpaque, "the identity for the storage account %q is not whole; check the tenant's id, the application's id and its secret, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE", c.Account)
	}
	return &entraCredential{cred: cred, user: id.User}, nil
}

// isPrivateAuthority reports whether a sign-in service is none of Azure's own.
func isPrivateAuthority(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	for _, suffix := range []string{".microsoftonline.com", ".microsoftonline.us", ".chinacloudapi.cn", ".microsoft.com", ".windows.net"} {
		if strings.HasSuffix("."+strings.ToLower(u.Hostname()), suffix) {
			return false
		}
	}
	return true
}

// errOpaque stands for errors whose text may repeat what it must not.
var errOpaque = errors.New("the library refused the configuration")

func (m *Machine) credential(options azcore.ClientOptions, private bool) (azcore.TokenCredential, error) {
	if os.Getenv("AZURE_FEDERATED_TOKEN_FILE") != "" {
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options, ClientID: m.ClientID, DisableInstanceDiscovery: private})
	}
	o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id := m.ClientID; id != "" {
		o.ID = azidentity.ClientID(id)
	}
	return azidentity.NewManagedIdentityCredential(o)
}

// identityRoute sends questions about the machine's own identity past proxies, and the others
// over https.
type identityRoute struct {
	far, near http.RoundTripper
	metadata  bool // a metadata service may be there
}

var errNoMetadata = errors.New("this machine is in no cloud of Azure's")

// RoundTrip implements http.RoundTripper.
func (r identityRoute) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Hostname()
	switch {
	case host == "169.254.169.254" && !r.metadata:
		return nil, errNoMetadata
	case req.URL.Scheme == "http" && isNear(host):
		return note(req)(r.near.RoundTrip(req))
	}
	return note(req)(r.far.RoundTrip(req))
}

// trail is the last failure on the wire of one question for a token. The library loses it.
type trail struct {
	mu   sync.Mutex
	host string
	err  error
}

type trailKey struct{}

// note notes how a request ends.
func note(req *http.Request) func(*http.Response, error) (*http.Response, error) {
	return func(resp *http.Response, err error) (*http.Response, error) {
		if t, ok := req.Context().Value(trailKey{}).(*trail); ok {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.host, t.err = req.URL.Host, err
		}
		return resp, err
	}
}

// trouble returns the failure on the wire, if the question ended with one.
func (t *trail) trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		return nil
	}
	return objects.Unanswered(t.err, "the service that gives tokens for the storage account", t.host)
}

// isNear reports whether a host is an agent of this machine: of App Service, Arc, and the
// like.
func isNear(host string) bool {
	if host == "169.254.169.254" {
		return true
	}
	for _, name := range []string{"IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		if u, err := url.Parse(os.Getenv(name)); err == nil && u.Hostname() != "" && u.Hostname() == host {
			return true
		}
	}
	return false
}

// entraCredential translates the errors of getting tokens.
type entraCredential struct {
	cred azcore.TokenCredential
	user bool
}

// maxReason bounds the bytes that are read of an error's answer.
const maxReason = 64 << 10

// GetToken implements azcore.TokenCredential.
func (e *entraCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t := &trail{}
	token, err := e.cred.GetToken(context.WithValue(ctx, trailKey{}, t), o)
	if err == nil {
		return token, nil
	}
	return azcore.AccessToken{}, &tokenError{e.failed(ctx, t, err)}
}

func (e *entraCredential) failed(ctx context.Context, t *trail, err error) error {
	var refused *azidentity.AuthenticationFailedError
	trouble := t.trouble()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refused) && refused.RawResponse != nil:
		return answered(refused.RawResponse)
	case trouble != nil && (refused != nil || !e.user):
		return trouble
	case e.user:
		return syncline.WrapError(syncline.CodeInvalid, errNoIdentity, "neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set, and no identity of Azure's gives a token; set one of them, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or sign in with az login")
	}
	return syncline.WrapError(syncline.CodeForbidden, errNoIdentity, "this machine has no identity that Azure gives a token for; assign a managed identity to it, or a workload identity to its pod")
}

var errNoIdentity = errors.New("no credential gives a token")

// answered is the error of an answer without a token. It holds the service's code and none of
// its text.
func answered(resp *http.Response) error {
	host := ""
	if resp.Request != nil {
		host = resp.Request.URL.Host
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusGone || resp.StatusCode >= http.StatusInternalServerError {
		return &storage.RequestError{Retryable: true, Throttled: resp.StatusCode == http.StatusTooManyRequests, Err: syncline.Errorf(syncline.CodeUnavailable, "%s gives no tokens now (%d %s)", host, resp.StatusCode, http.StatusText(resp.StatusCode))}
	}
	var answer struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	body, err := runtime.Payload(resp)
	if err != nil || len(body) > maxReason || json.Unmarshal(body, &answer) != nil {
		return syncline.Errorf(syncline.CodeUnavailable, "%s does not answer like a service that gives tokens (%d)", host, resp.StatusCode)
	}
	code := tokenCode(answer.Error)
	if len(answer.Codes) > 0 {
		return storage.Refused(nil, "%s gives no token: %s (AADSTS%d); check the identity, its secret and its tenant", host, code, answer.Codes[0])
	}
	return storage.Refused(nil, "%s gives no token: %s; check the identity that is assigned", host, code)
}

// tokenCode keeps of a code what can stand in an error.
func tokenCode(code string) string {
	if code == "" || len(code) > 80 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" {
		return "unreadable code"
	}
	return code
}

// tokenError is an error of getting a token.
type tokenError struct{ error }

func (e *tokenError) Unwrap() error { return e.error }

// NonRetriable tells the library not to try again.
func (e *tokenError) NonRetriable() {}

// tokenPatience bounds the time of a program that prints a token.
const tokenPatience = time.Minute
