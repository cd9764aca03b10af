package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/address"
	"syncline.dev/syncline/internal/storage/azure"
	"syncline.dev/syncline/internal/storage/gcs"
	"syncline.dev/syncline/internal/storage/local"
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
	// options are the names that --option takes for it, each with what it does;
	// those without concern writing, and are accepted for restic's sake.
	options map[string]string
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

var localOptions = map[string]string{"connections": "", "layout": ""}

// cores is how many threads run Go code at once, before a server takes one more.
var cores = runtime.GOMAXPROCS(0)

func openLocal(_ context.Context, _ *environment, a address.Address, _ options) (place, error) {
	st, err := local.Open(a.Path)
	if err != nil {
		return place{}, err
	}
	return place{storage: st, close: st.Close, streams: cores, maxRead: maxLocalRead}, nil
}

// remoteStreams is how many packs are read at once from far away: the limiter
// finds out how many of these the storage bears.
const remoteStreams = 16

func far(st storage.Storage) place {
	return place{storage: st, close: func() error { return nil }, streams: remoteStreams}
}

var s3Options = map[string]string{
	"region":                "region of the bucket, instead of $AWS_DEFAULT_REGION",
	"bucket-lookup":         "how the bucket is addressed: auto, dns or path",
	"unsafe-anonymous-auth": "make requests without credentials",
	"connections":           "most requests at once",
	"layout":                "", "storage-class": "",
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
	anonymous, err := o.flag("unsafe-anonymous-auth")
	if err != nil {
		return place{}, err
	}
	if !anonymous {
		c.AccessKey = firstOf(e.getenv("AWS_ACCESS_KEY_ID"), e.getenv("AWS_ACCESS_KEY"))
		c.SecretKey = firstOf(e.getenv("AWS_SECRET_ACCESS_KEY"), e.getenv("AWS_SECRET_KEY"))
		c.SessionToken = e.getenv("AWS_SESSION_TOKEN")
		switch {
		case c.AccessKey == "" && c.SecretKey == "":
			c.UseProfile, c.Profile, c.InstanceRole = true, e.getenv("AWS_PROFILE"), e.hasInstanceRole(a.Endpoint)
		case c.AccessKey == "":
			return place{}, usageError("AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not")
		case c.SecretKey == "":
			return place{}, usageError("AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not")
		}
	}
	if c.CA, err = e.certificates(); err != nil {
		return place{}, err
	}
	st, err := s3.Open(ctx, c)
	if err != nil {
		return place{}, err
	}
	return far(st), nil
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

var azureOptions = map[string]string{
	"endpoint":    "address of the account's blob service, where it is not Azure's",
	"connections": "most requests at once",
	"access-tier": "",
}

// azureKey tells containers of the same name in two accounts apart.
func azureKey(e *environment, o options) string {
	return "\n" + e.getenv("AZURE_ACCOUNT_NAME") + "\n" + firstOf(o["endpoint"], e.getenv("AZURE_ENDPOINT_SUFFIX"))
}

func openAzure(ctx context.Context, e *environment, a address.Address, o options) (place, error) {
	c := azure.Config{
		Account: e.getenv("AZURE_ACCOUNT_NAME"), Key: e.getenv("AZURE_ACCOUNT_KEY"), SAS: e.getenv("AZURE_ACCOUNT_SAS"),
		EndpointSuffix: e.getenv("AZURE_ENDPOINT_SUFFIX"), Endpoint: o["endpoint"], Container: a.Bucket, Prefix: a.Prefix,
	}
	switch {
	case c.Account == "":
		return place{}, usageError("AZURE_ACCOUNT_NAME is not set; it names the storage account of the container")
	case c.Key == "" && c.SAS == "":
		return place{}, usageError("neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set; one of them opens the storage account")
	}
	var err error
	if c.CA, err = e.certificates(); err != nil {
		return place{}, err
	}
	st, err := azure.Open(ctx, c)
	if err != nil {
		return place{}, err
	}
	return far(st), nil
}

var gcsOptions = map[string]string{"connections": "most requests at once", "region": ""}

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
	if c.CA, err = e.certificates(); err != nil {
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
