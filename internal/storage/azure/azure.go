// Package azure reads a repository in a container of Azure Blob Storage. It
// does not know what the blobs mean. It makes each request once; the decorators
// in package storage try again.
package azure

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// DefaultSuffix is the end of the names of Azure's public cloud.
const DefaultSuffix = "core.windows.net"

// Config says where a repository lies and how to sign in: with the account's
// key, a shared access signature or the token of an identity.
type Config struct {
	Account string
	Key     string // in base64, as Azure shows it
	SAS     string // query of a signed address, with or without "?"; Key wins over it
	// Identity gives tokens if there is neither Key nor SAS. A token opens all that the
	// identity may open, so that it must not go to an Endpoint that the user of a server has
	// named.
	Identity *Identity

	EndpointSuffix string // of another cloud, such as core.chinacloudapi.cn; DefaultSuffix when empty
	// Endpoint is the address of the account's blob service, for accounts
	// outside of Azure's names. It must name http:// to use it.
	Endpoint string

	Container   string
	Prefix      string // folder in the container; "" for its root
	CA          []byte // PEM; added to the system's certificates
	DenyPrivate bool   // refuse endpoints at loopback and private addresses
	Client      objects.Client
}

// Client accesses one account's blob service.
type Client struct {
	service *service.Client
	host    string
	account string
	sas     url.Values // nil with a key
	token   bool       // requests have a token of an identity
}

// Storage is a folder in a container; it implements storage.Storage.
type Storage struct {
	*Client
	container, prefix string // prefix is "" or ends with a slash
}

var _ storage.Storage = (*Storage)(nil)

// Open returns the repository's storage. It makes no request.
func Open(ctx context.Context, c Config) (*Storage, error) {
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Container == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the container is missing")
	}
	if strings.ContainsAny(c.Container, "/?#%\\") {
		return nil, badContainer(nil, c.Container)
	}
	prefix, err := storage.CleanPrefix(c.Prefix)
	if err != nil {
		return nil, err
	}
	return &Storage{Client: client, container: c.Container, prefix: prefix}, nil
}

// Connect returns a client for browsing. It makes no request.
func Connect(_ context.Context, c Config) (*Client, error) {
	endpoint, err := parseEndpoint(c)
	if err != nil {
		return nil, err
	}
	transport, err := objects.NewTransport(objects.Options{CA: c.CA, AllowHTTP: endpoint.Scheme == "http", DenyPrivate: c.DenyPrivate, Client: c.Client})
	if err != nil {
		return nil, err
	}
	options := &service.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: transporter{transport},
		Retry:     policy.RetryOptions{MaxRetries: -1}, // no retries
	}}
	client := &Client{host: endpoint.Host, account: c.Account}
	switch {
	case c.Key != "":
		key, err := service.NewSharedKeyCredential(c.Account, c.Key)
		if err != nil {
			return nil, syncline.Errorf(syncline.CodeInvalid, "the key of the storage account is not valid: it must be the base64 text that Azure shows")
		}
		client.service, err = service.NewClientWithSharedKeyCredential(endpoint.String(), key, options)
		if err != nil {
			return nil, badEndpoint()
		}
	case c.SAS != "":
		endpoint.RawQuery = strings.TrimPrefix(c.SAS, "?")
		client.sas, err = url.ParseQuery(endpoint.RawQuery)
		if err != nil || client.sas.Get("sig") == "" {
			return nil, syncline.Errorf(syncline.CodeInvalid, "the shared access signature is not valid: it must be a query like sv=…&se=…&sig=…")
		}
		if client.service, err = service.NewClientWithNoCredential(endpoint.String(), options); err != nil {
			return nil, badEndpoint()
		}
	case c.Identity != nil && endpoint.Scheme == "http":
		return nil, syncline.Errorf(syncline.CodeInvalid, "neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set, and the token of an identity is sent over https only")
	case c.Identity != nil:
		cred, err := c.credential()
		if err != nil {
			return nil, err
		}
		if client.service, err = service.NewClient(endpoint.String(), cred, options); err != nil {
			return nil, badEndpoint()
		}
		client.token = true
	default:
		return nil, syncline.Errorf(syncline.CodeInvalid, "there are no credentials for the storage account %q; give its key or a shared access signature", c.Account)
	}
	return client, nil
}

// transporter gives the library this program's transport. It follows no
// redirects, because the service makes none.
type transporter struct{ http.RoundTripper }

func (t transporter) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

// parseEndpoint returns the blob service's address.
func parseEndpoint(c Config) (*url.URL, error) {
	if c.Account == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the storage account is missing")
	}
	if strings.Trim(c.Account, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%q is no name of a storage account: it has lower-case letters and digits only", c.Account)
	}
	address := c.Endpoint
	switch {
	case address == "":
		suffix := c.EndpointSuffix
		if suffix == "" {
			suffix = DefaultSuffix
		}
		address = "https://" + c.Account + ".blob." + suffix
	case !strings.Contains(address, "://"):
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, badEndpoint()
	}
	return u, nil
}

func badEndpoint() error {
	return syncline.Errorf(syncline.CodeInvalid, "the endpoint of the blob service must be a host's name, with a port, a path or https:// where needed, and nothing else")
}

// Open implements storage.Storage.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	if err := storage.CheckOffset(offset); err != nil {
		return nil, err
	}
	ask := blob.HTTPRange{Offset: offset, Count: max(length, 0)}
	if length == 0 {
		ask = blob.HTTPRange{Count: 1} // finds out whether the blob exists
	}
	callCtx, call := objects.File(ctx)
	file := s.service.NewContainerClient(s.container).NewBlobClient(s.prefix + name)
	answer, err := file.DownloadStream(callCtx, &blob.DownloadStreamOptions{Range: ask})
	switch {
	case err != nil && call.Status() == http.StatusRequestedRangeNotSatisfiable && ctx.Err() == nil:
		return objects.PastEnd(name, length), nil
	case err != nil:
		return nil, s.translate(ctx, call, err, operation{container: s.container, name: name})
	case !s.speaksAzure(call):
		_ = answer.Body.Close()
		return nil, s.notAzure(nil)
	case length == 0:
		_ = answer.Body.Close()
		return objects.Nothing(), nil
	case endsBefore(call, offset):
		_ = answer.Body.Close()
		return objects.PastEnd(name, length), nil
	}
	return objects.NewBody(ctx, call, answer.Body, name, offset, length)
}

// endsBefore reports whether the answer says that the blob has no byte at the
// offset. Azure answers with an error then, and Azurite with an empty part.
func endsBefore(call *objects.Call, offset int64) bool {
	_, total, _ := strings.Cut(call.Header("Content-Range"), "/")
	size, err := strconv.ParseInt(total, 10, 64)
	return err == nil && size <= offset && call.Header("Content-Length") == "0"
}

// List implements storage.Storage. A missing dir is an empty listing.
func (s *Storage) List(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	if err := storage.CheckDir(dir); err != nil {
		return err
	}
	prefix := s.prefix
	if dir != "" {
		prefix += dir + "/"
	}
	return s.listBlobs(ctx, s.container, prefix, func(name string, size int64) error {
		return fn(name[len(s.prefix):], size)
	})
}
