package kinds

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/s3"
)

// s3Kind is Amazon S3 and every server with its protocol.
var s3Kind = place.Kind{
	Scheme: "s3", Form: "s3:HOST/BUCKET/FOLDER",
	Stored: []place.Stored{
		{
			Kind: syncline.KindS3Compatible, AccountType: "amazonS3CompatibleAccount", StorageType: "AmazonS3Compatible",
			Title: "S3-compatible storage", Help: "A server with the protocol of S3, such as MinIO, Ceph or Wasabi.",
			Methods: []place.Method{accessKey, roleMethod(true), machineRole}, Check: ownAllowed("aws"),
		},
		{
			Kind: syncline.KindS3, AccountType: "amazonS3Account", StorageType: "AmazonS3",
			Title: "Amazon S3", Help: "Amazon's own storage.",
			Methods: []place.Method{accessKey, roleMethod(false), machineRole}, Check: ownAllowed("aws"),
		},
	},
	Variables: []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "RESTIC_AWS_ASSUME_ROLE_ARN"},
	Options: map[string]place.Option{
		"region":                {Type: place.Text, Does: "region of the bucket, instead of $AWS_DEFAULT_REGION"},
		"bucket-lookup":         {Type: place.Text, Does: "how the bucket is addressed: auto, dns or path"},
		"unsafe-anonymous-auth": {Type: place.Truth, Does: "make requests without credentials"},
		"connections":           {Type: place.Number, Does: "most requests at once"},
		"retries":               {Type: place.Number, Does: "most tries of a request while nothing comes"},
		"list-objects-v1":       {Type: place.Truth, Does: "list with the first version of the operation"},
		"enable-restore":        {Type: place.Truth}, // refused where it is true
		"restore-days":          {Type: place.Number}, "restore-timeout": {Type: place.Duration}, "restore-tier": {},
		"layout": {}, "storage-class": {},
	},
	Parse: parseS3, Print: printS3, Identity: bucketIdentity, Hosts: place.Signs,
	Open: func(ctx context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		c, err := s3Config(p, n)
		if err != nil {
			return nil, err
		}
		st, err := s3.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		return st, nil
	},
	Browse: func(ctx context.Context, p place.Place, n place.Network) (place.Browser, error) {
		c, err := s3Config(p, n)
		if err != nil {
			return nil, err
		}
		client, err := s3.Connect(ctx, c)
		if err != nil {
			return nil, err
		}
		return client, nil
	},
}

// accessKey signs in with a key of an account.
var accessKey = place.Method{
	Name: "accessKey", Title: "Access key", Help: "The id of an access key, and the secret key that belongs to it.",
	UserName: place.Field{Name: place.UserName, Title: "Access key", Help: "the id of the access key", Required: true},
	Secrets:  []place.Field{{Name: place.Password, Title: "Secret key", Help: "the secret key", Required: true}},
}

// parseS3 reads the part after "s3:". It is a URL, whose path is
// percent-encoded, or a host and a path that are taken literally.
func parseS3(rest string) (place.Place, error) {
	var endpoint, key string
	var plain bool // http was asked for by name; otherwise https is meant
	if strings.HasPrefix(rest, "http://") || strings.HasPrefix(rest, "https://") {
		u, err := url.Parse(rest)
		if err != nil {
			return place.Place{}, invalid("what follows s3: in the repository's address is no valid URL")
		}
		endpoint, plain, key = u.Host, u.Scheme == "http", strings.TrimPrefix(u.Path, "/")
	} else {
		endpoint, key, _ = strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	}
	bucket, folder, _ := strings.Cut(key, "/")
	switch {
	case strings.Contains(endpoint, "@"):
		return place.Place{}, invalid("credentials do not belong into the repository's address; put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case endpoint == "" || !isHost(endpoint):
		return place.Place{}, invalid("the repository's address names no host after s3:; it must be like s3:s3.amazonaws.com/BUCKET/FOLDER or s3:https://HOST:PORT/BUCKET/FOLDER")
	case bucket == "":
		return place.Place{}, invalid("the repository's address names no bucket; it must be like s3:%s/BUCKET/FOLDER", clip(endpoint))
	}
	endpoint = hostOf(endpoint, plain)
	// restic keeps a slash in front of the folder here, and reads objects whose
	// keys begin with one. A console has no way to write such a folder.
	if strings.HasPrefix(folder, "/") {
		return place.Place{}, invalid("the repository's address has two slashes after the bucket; keys that begin with a slash are not supported")
	}
	folder, err := cleanFolder(folder)
	if plain {
		endpoint = "http://" + endpoint
	}
	return place.Place{Storage: syncline.ObjectStorage{Kind: syncline.KindS3Compatible, Endpoint: endpoint, Bucket: bucket, Folder: folder}}, err
}

// isHost refuses texts that cannot stand before a URL's first slash. Only a
// request shows whether the host exists.
func isHost(s string) bool {
	u, err := url.Parse("https://" + s)
	return err == nil && u.Host == s && u.Hostname() != "" && !strings.ContainsAny(s, " \t\r\n\"'<>\\")
}

// hostOf returns an endpoint in its one form: lower case, without the default
// port.
func hostOf(endpoint string, http bool) string {
	endpoint = strings.ToLower(endpoint)
	usual := "443"
	if http {
		usual = "80"
	}
	host, port, err := net.SplitHostPort(endpoint)
	switch {
	case err != nil || port != "" && port != usual:
		return endpoint
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

func printS3(p place.Place) string {
	s := p.Storage
	u := url.URL{Scheme: "https", Host: s.Endpoint, Path: "/" + s.Bucket}
	if host, plain := strings.CutPrefix(s.Endpoint, "http://"); plain {
		u.Scheme, u.Host = "http", host
	}
	if s.Folder != "" {
		u.Path += "/" + s.Folder
	}
	return u.String()
}

func s3Config(p place.Place, n place.Network) (s3.Config, error) {
	s := p.Storage
	c := s3.Config{
		Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: s.Folder, Region: s.Region,
		CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client,
	}
	if s.Kind == syncline.KindS3 {
		c.Endpoint = amazonEndpoint(s.Cloud, s.Region)
	}
	if u := p.Access.User; u != nil {
		err := userOfS3(&c, u)
		return c, err
	}
	err := accountOfS3(&c, p.Access)
	return c, err
}

// amazonEndpoint is Amazon's address in one of its worlds. Outside the global
// one there is none that answers for every region.
func amazonEndpoint(world syncline.Cloud, region string) string {
	switch world {
	case syncline.CloudChina:
		return "s3." + cmp.Or(region, "cn-north-1") + ".amazonaws.com.cn"
	case syncline.CloudUSGovernment:
		return "s3." + cmp.Or(region, "us-gov-west-1") + ".amazonaws.com"
	default:
		return "s3.amazonaws.com"
	}
}

// userOfS3 takes the options of a command, and the keys from the environment
// with the role to take.
func userOfS3(c *s3.Config, u *place.User) error {
	c.Region = cmp.Or(u.Options["region"], u.Getenv("AWS_DEFAULT_REGION"), u.Getenv("AWS_REGION"))
	lookup, ok := map[string]s3.Lookup{"": s3.LookupAuto, "auto": s3.LookupAuto, "dns": s3.LookupVirtualHost, "path": s3.LookupPath}[strings.ToLower(u.Options["bucket-lookup"])]
	if !ok {
		return invalid(`bad bucket-lookup style, must be "auto", "path" or "dns"`)
	}
	c.Lookup, c.OldListing = lookup, u.Options.Flag("list-objects-v1")
	if u.Options.Flag("unsafe-anonymous-auth") {
		return nil
	}
	c.AccessKey = cmp.Or(u.Getenv("AWS_ACCESS_KEY_ID"), u.Getenv("AWS_ACCESS_KEY"))
	c.SecretKey = cmp.Or(u.Getenv("AWS_SECRET_ACCESS_KEY"), u.Getenv("AWS_SECRET_KEY"))
	c.SessionToken = u.Getenv("AWS_SESSION_TOKEN")
	if c.AccessKey == "" && c.SecretKey == "" {
		c.AccessKey, c.SecretKey = minioKeys(u)
	}
	switch {
	case c.AccessKey == "" && c.SecretKey == "":
		c.Sources = sourcesOfUser(u, strings.TrimPrefix(c.Endpoint, "http://"))
	case c.AccessKey == "":
		return invalid("AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not")
	case c.SecretKey == "":
		return invalid("AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not")
	}
	const role = "RESTIC_AWS_ASSUME_ROLE_"
	if arn := u.Getenv(role + "ARN"); arn != "" {
		c.Role = &s3.Role{
			ARN: arn, SessionName: u.Getenv(role + "SESSION_NAME"), ExternalID: u.Getenv(role + "EXTERNAL_ID"), Policy: u.Getenv(role + "POLICY"),
			Region: u.Getenv(role + "REGION"), Endpoint: u.Getenv(role + "STS_ENDPOINT"),
		}
	}
	return nil
}
