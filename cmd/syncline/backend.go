package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/address"
	"syncline.dev/syncline/internal/storage/azure"
	"syncline.dev/syncline/internal/storage/gcs"
	"syncline.dev/syncline/internal/storage/local"
	remotehttp "syncline.dev/syncline/internal/storage/remote"
	"syncline.dev/syncline/internal/storage/s3"
)

// place is an opened storage, and how it is best read.
type place struct {
	storage storage.Storage
	close   func() error
	streams int   // packs read at once
	maxRead int64 // bytes of one request; 0 for no bound
}

// backend is how the command line reaches one kind of storage.
type backend struct {
	// options are what --option takes for it, by name.
	options map[string]optionSpec
	// key adds to a location's key what the environment says of the place; nil
	// where the address says it all.
	key  func(*environment, options) string
	open func(context.Context, *environment, address.Address, options) (place, error)
}

// backends are all that there are. A new one needs a line here.
var backends = map[address.Scheme]backend{
	address.Local: {options: localOptions, open: openLocal},
	address.S3:    {options: s3Options, open: openS3},
	address.Azure: {options: azureOptions, key: azureKey, open: openAzure},
	address.GCS:   {options: gcsOptions, key: gcsKey, open: openGCS},
}

var localOptions = map[string]optionSpec{
	"connections": {numberValue, "most packs that are read at once"},
	"layout":      {},
}

// maxLocalRead bounds a read of a pack on a local disk, so that the workers
// share out the last packs.
const maxLocalRead = 4 << 20

// cores is how many threads run Go code at once.
var cores = runtime.GOMAXPROCS(0)

func openLocal(_ context.Context, e *environment, a address.Address, o options) (place, error) {
	if err := e.checkCertificates(); err != nil {
		return place{}, err
	}
	streams, err := o.connections()
	if err != nil {
		return place{}, err
	}
	if streams == 0 {
		streams = cores
	}
	st, err := local.Open(a.Path)
	if err != nil {
		return place{}, err
	}
	return place{storage: st, close: st.Close, streams: streams, maxRead: maxLocalRead}, nil
}

// remoteStreams is how many packs are read at once from far away: the limiter
// finds out how many of these the storage bears.
const remoteStreams = 16

func far(st storage.Storage) place {
	return place{storage: st, close: func() error { return nil }, streams: remoteStreams}
}

var s3Options = map[string]optionSpec{
	"region":                {anyText, "region of the bucket, instead of $AWS_DEFAULT_REGION"},
	"bucket-lookup":         {anyText, "how the bucket is addressed: auto, dns or path"},
	"unsafe-anonymous-auth": {truthValue, "make requests without credentials"},
	"connections":           {numberValue, "most requests at once"},
	"retries":               {numberValue, "most tries of a request while nothing comes"},
	"list-objects-v1":       {truthValue, "list with the first version of the operation"},
	"enable-restore":        {kind: truthValue}, // refused where it is true
	"restore-days":          {kind: numberValue}, "restore-timeout": {kind: durationValue}, "restore-tier": {},
	"layout": {}, "storage-class": {},
}

func openS3(ctx context.Context, e *environment, a address.Address, o options) (place, error) {
	c := s3.Config{Endpoint: a.Endpoint, Bucket: a.Bucket, Prefix: a.Prefix, Region: firstOf(o["region"], e.getenv("AWS_DEFAULT_REGION"), e.getenv("AWS_REGION"))}
	if a.HTTP {
		c.Endpoint = "http://" + a.Endpoint
	}
	lookup, ok := map[string]s3.Lookup{"": s3.LookupAuto, "auto": s3.LookupAuto, "dns": s3.LookupVirtualHost, "path": s3.LookupPath}[strings.ToLower(o["bucket-lookup"])]
	if !ok {
		return place{}, usageError(`bad bucket-lookup style, must be "auto", "path" or "dns"`)
	}
	c.Lookup = lookup
	var err error
	if c.OldListing, err = o.flag("list-objects-v1"); err != nil {
		return place{}, err
	}
	anonymous, err := o.flag("unsafe-anonymous-auth")
	if err == nil && !anonymous {
		err = e.amazonKeys(&c, a.Endpoint)
	}
	if err != nil {
		return place{}, err
	}
	if c.CA, c.Client, err = e.transport(); err != nil {
		return place{}, err
	}
	st, err := s3.Open(ctx, c)
	if err != nil {
		return place{}, err
	}
	return far(st), nil
}

// amazonKeys takes the keys from the environment, and the role to take with them.
func (e *environment) amazonKeys(c *s3.Config, endpoint string) error {
	c.AccessKey = firstOf(e.getenv("AWS_ACCESS_KEY_ID"), e.getenv("AWS_ACCESS_KEY"))
	c.SecretKey = firstOf(e.getenv("AWS_SECRET_ACCESS_KEY"), e.getenv("AWS_SECRET_KEY"))
	c.SessionToken = e.getenv("AWS_SESSION_TOKEN")
	switch {
	case c.AccessKey == "" && c.SecretKey == "":
		c.UseProfile, c.Profile, c.InstanceRole = true, e.getenv("AWS_PROFILE"), e.hasInstanceRole(endpoint)
	case c.AccessKey == "":
		return usageError("AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not")
	case c.SecretKey == "":
		return usageError("AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not")
	}
	const role = "RESTIC_AWS_ASSUME_ROLE_"
	if arn := e.getenv(role + "ARN"); arn != "" {
		c.Role = &s3.Role{
			ARN: arn, SessionName: e.getenv(role + "SESSION_NAME"), ExternalID: e.getenv(role + "EXTERNAL_ID"), Policy: e.getenv(role + "POLICY"),
			Region: e.getenv(role + "REGION"), Endpoint: e.getenv(role + "STS_ENDPOINT"),
		}
	}
	return nil
}

// hasInstanceRole reports whether it makes sense to ask a metadata service for
// keys: elsewhere nobody answers, and the question takes seconds.
func (e *environment) hasInstanceRole(endpoint string) bool {
	for _, name := range []string{
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	} {
		if e.getenv(name) != "" {
			return true
		}
	}
	return endpoint == "s3.amazonaws.com" || strings.HasSuffix(endpoint, ".amazonaws.com") || strings.HasSuffix(endpoint, ".amazonaws.com.cn")
}

var azureOptions = map[string]optionSpec{
	"endpoint":    {anyText, "address of the account's blob service, where it is not Azure's"},
	"connections": {numberValue, "most requests at once"},
	"access-tier": {},
}

// azureKey tells containers of the same name in two accounts apart.
func azureKey(e *environment, o options) string {
	return "\n" + e.getenv("AZURE_ACCOUNT_NAME") + "\n" + firstOf(o["endpoint"], e.getenv("AZURE_ENDPOINT_SUFFIX"))
}

// azureConfig is what the environment says of an account.
func (e *environment) azureConfig(a address.Address, o options) azure.Config {
	cli, err := strconv.ParseBool(e.getenv("AZURE_FORCE_CLI_CREDENTIAL"))
	return azure.Config{
		Account: e.getenv("AZURE_ACCOUNT_NAME"), Key: e.getenv("AZURE_ACCOUNT_KEY"), SAS: e.getenv("AZURE_ACCOUNT_SAS"), UseCLI: cli && err == nil,
		EndpointSuffix: e.getenv("AZURE_ENDPOINT_SUFFIX"), Endpoint: o["endpoint"], Container: a.Bucket, Prefix: a.Prefix,
	}
}

func openAzure(ctx context.Context, e *environment, a address.Address, o options) (place, error) {
	c := e.azureConfig(a, o)
	switch {
	case c.Account == "":
		return place{}, usageError("AZURE_ACCOUNT_NAME is not set; it names the storage account of the container")
	case c.Key == "" && c.SAS == "" && !c.UseCLI:
		return place{}, usageError("neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set; one of them opens the storage account, or AZURE_FORCE_CLI_CREDENTIAL=true with a sign-in of the Azure CLI")
	}
	var err error
	if c.CA, c.Client, err = e.transport(); err != nil {
		return place{}, err
	}
	st, err := azure.Open(ctx, c)
	if err != nil {
		return place{}, err
	}
	return far(st), nil
}

var gcsOptions = map[string]optionSpec{"connections": {numberValue, "most requests at once"}, "region": {}}

// gcsKey tells the buckets of an emulator from Google's.
func gcsKey(e *environment, _ options) string { return "\n" + e.getenv("STORAGE_EMULATOR_HOST") }

func openGCS(ctx context.Context, e *environment, a address.Address, _ options) (place, error) {
	c := gcs.Config{Bucket: a.Bucket, Prefix: a.Prefix, AccessToken: e.getenv("GOOGLE_ACCESS_TOKEN"), UserCredentials: true}
	if host := e.getenv("STORAGE_EMULATOR_HOST"); host != "" {
		c.UserCredentials, c.Anonymous = false, true
		c.Endpoint = host
		if !strings.Contains(host, "://") {
			c.Endpoint = "http://" + host
		}
	}
	var err error
	if c.CA, c.Client, err = e.transport(); err != nil {
		return place{}, err
	}
	st, err := gcs.Open(ctx, c)
	if err != nil {
		return place{}, err
	}
	return far(st), nil
}

// limited puts storage far away within the limits that were asked for.
func (e *environment) limited(st storage.Storage, at location) (storage.Storage, error) {
	if at.address.Scheme == address.Local {
		return st, nil
	}
	connections, err := at.options.connections()
	return storage.NewLimiter(storage.LimitOptions{
		MaxConcurrent: connections, BytesPerSecond: e.limitDownload << 10,
	}).Wrap(st), err
}

// transport reads how to speak to a storage: the certificates to trust, and how
// this program shows itself.
func (e *environment) transport() (trusted []byte, c remotehttp.Client, err error) {
	c = remotehttp.Client{TrustAny: e.insecureTLS, UserAgent: e.userAgent, Patience: e.stuckTimeout}
	if e.tlsClientCert != "" {
		if c.Certificate, err = os.ReadFile(e.tlsClientCert); err != nil {
			return nil, c, syncline.WrapError(syncline.CodeInvalid, err, "the certificate in %s cannot be read (%v); check --tls-client-cert", e.tlsClientCert, reasonOf(err))
		}
		if len(c.Certificate) == 0 {
			return nil, c, syncline.Errorf(syncline.CodeInvalid, "the file %s holds no certificate; check --tls-client-cert", e.tlsClientCert)
		}
	}
	trusted, err = e.certificates()
	return trusted, c, err
}

// checkCertificates refuses certificates that cannot be used, also where no
// storage is spoken to: a wrong setup is told at once.
func (e *environment) checkCertificates() error {
	if e.tlsClientCert == "" && len(e.caFiles) == 0 {
		return nil
	}
	trusted, c, err := e.transport()
	if err == nil {
		_, err = remotehttp.NewTransport(remotehttp.Options{CA: trusted, Client: c})
	}
	return err
}

// certificates reads the files that --cacert names.
func (e *environment) certificates() ([]byte, error) { return readCertificates(e.caFiles) }

func readCertificates(files []string) ([]byte, error) {
	var all bytes.Buffer
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, syncline.WrapError(syncline.CodeInvalid, err, "the certificates in %s cannot be read; check --cacert", path)
		}
		all.Write(data)
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
