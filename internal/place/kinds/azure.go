package kinds

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/azure"
)

// azureKind is Azure's blob storage.
var azureKind = place.Kind{
	Scheme: "azure", Form: "azure:CONTAINER:/FOLDER",
	Stored: []place.Stored{{
		Kind: syncline.KindAzure, AccountType: "azureBlobAccount", StorageType: "AzureBlob",
		Title: "Azure Blob Storage", Help: "A storage account in Azure.",
		Methods: []place.Method{{
			Name: "accountKey", Title: "Account key or signature", Help: "The key of the storage account, or a shared access signature.",
			UserName: accountOfAzure,
			Secrets: []place.Field{{
				Name: place.Password, Title: "Account key or shared access signature",
				Help: "the key of the storage account, or a shared access signature: what follows the question mark of a signed address", Required: true,
			}},
		}, principalOfAzure, machineOfAzure},
		Check: ownAllowed("azure"),
	}},
	Variables: []string{"AZURE_ACCOUNT_NAME", "AZURE_ACCOUNT_KEY", "AZURE_ACCOUNT_SAS", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FORCE_CLI_CREDENTIAL"},
	Options: map[string]place.Option{
		"endpoint":    {Type: place.Text, Does: "address of the account's blob service, where it is not Azure's"},
		"connections": {Type: place.Number, Does: "most requests at once"},
		"access-tier": {},
	},
	Parse: func(rest string) (place.Place, error) {
		return parseContainer(syncline.KindAzure, "azure", "container", rest)
	},
	Print: printContainer, Identity: bucketIdentity, Hosts: place.Signs,
	// Containers of the same name lie in two accounts.
	Key: func(u *place.User) string {
		return "\n" + u.Getenv("AZURE_ACCOUNT_NAME") + "\n" + cmp.Or(u.Options["endpoint"], u.Getenv("AZURE_ENDPOINT_SUFFIX"))
	},
	Open: func(ctx context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		c, err := azureConfig(p, n)
		if err != nil {
			return nil, err
		}
		st, err := azure.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		return st, nil
	},
	Browse: func(ctx context.Context, p place.Place, n place.Network) (place.Browser, error) {
		c, err := azureConfig(p, n)
		if err != nil {
			return nil, err
		}
		client, err := azure.Connect(ctx, c)
		if err != nil {
			return nil, err
		}
		return containers{client}, nil
	},
}

// containers gives Azure's client the names of the others'.
type containers struct{ *azure.Client }

func (c containers) ListBuckets(ctx context.Context) ([]string, error) { return c.ListContainers(ctx) }

func (c containers) BucketExists(ctx context.Context, bucket string) (bool, error) {
	return c.ContainerExists(ctx, bucket)
}

// azureSuffixes are the ends of the accounts' names in Azure's worlds.
var azureSuffixes = map[syncline.Cloud]string{
	syncline.CloudGlobal:     azure.DefaultSuffix,
	syncline.CloudGermany:    "core.cloudapi.de",
	syncline.CloudChina:      "core.chinacloudapi.cn",
	syncline.CloudGovernment: "core.usgovcloudapi.net",
}

func azureConfig(p place.Place, n place.Network) (azure.Config, error) {
	s := p.Storage
	c := azure.Config{
		Account: p.Access.Account.UserName, EndpointSuffix: azureSuffixes[s.Cloud], Endpoint: s.Endpoint,
		Container: s.Bucket, Prefix: s.Folder, CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client,
	}
	if u := p.Access.User; u != nil {
		err := userOfAzure(&c, u)
		return c, err
	}
	if c.Identity = identityOfAzure(p.Access); c.Identity != nil {
		if s.Endpoint != "" {
			return c, invalid("the token of an identity is sent to Azure's own addresses only; use the account's key, or leave the endpoint out")
		}
		return c, nil
	}
	key := p.Access.Secrets[place.Password].Reveal()
	if !strings.Contains(key, "sig=") {
		c.Key = key
		return c, nil
	}
	// A signature is sent as it is, so an endpoint that a user has named could
	// read it.
	if s.Endpoint != "" {
		return c, invalid("a shared access signature is sent to Azure's own addresses only; use the account's key, or leave the endpoint out")
	}
	c.SAS = key
	return c, nil
}

// userOfAzure takes an account from the environment.
func userOfAzure(c *azure.Config, u *place.User) error {
	cli, err := strconv.ParseBool(u.Getenv("AZURE_FORCE_CLI_CREDENTIAL"))
	cli = cli && err == nil
	c.Account, c.Key, c.SAS = u.Getenv("AZURE_ACCOUNT_NAME"), u.Getenv("AZURE_ACCOUNT_KEY"), u.Getenv("AZURE_ACCOUNT_SAS")
	c.EndpointSuffix, c.Endpoint = u.Getenv("AZURE_ENDPOINT_SUFFIX"), u.Options["endpoint"]
	if c.Account == "" {
		return invalid("AZURE_ACCOUNT_NAME is not set; it names the storage account of the container")
	}
	if c.Key == "" && c.SAS == "" {
		c.Identity = &azure.Identity{CLI: cli, User: !cli}
	}
	return nil
}
