package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/api"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/azure"
	"syncline.dev/syncline/internal/storage/gcs"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/storage/s3"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// clouds reaches object storage for the server. Unlike the command line it
// takes nothing from the environment of the user it runs as: where to go and
// how to get in, somebody else has said.
type clouds struct {
	denyPrivate bool
	ca          []byte               // PEM, trusted beside the system's
	retry       storage.RetryOptions // of sessions
	// patience bounds how long a place is tried; tryTimeout when zero.
	patience time.Duration

	mu       sync.Mutex
	limiters map[syncline.ID]*storage.Limiter // by account
}

var _ api.Clouds = (*clouds)(nil)

// place is an opened storage, and how it is best read.
type place struct {
	storage storage.Storage
	close   func() error
	streams int   // packs read at once
	maxRead int64 // bytes of one request; 0 for no bound
}

// remoteStreams is how many packs are read at once from far away: the limiter
// finds out how many of these the storage bears.
const remoteStreams = 16

func far(st storage.Storage) place {
	return place{storage: st, close: func() error { return nil }, streams: remoteStreams}
}

// browser looks for buckets and folders.
type browser interface {
	ListBuckets(ctx context.Context) ([]string, error)
	BucketExists(ctx context.Context, bucket string) (bool, error)
	ListFolders(ctx context.Context, bucket, folder string) ([]string, error)
}

// cloud is how the server reaches one kind of object storage.
type cloud struct {
	open   func(context.Context, *clouds, syncline.ObjectStorage, api.Access) (storage.Storage, error)
	browse func(context.Context, *clouds, syncline.ObjectStorage, api.Access) (browser, error)
}

// cloudsByKind are all that there are. A new one needs a line here.
var cloudsByKind = map[syncline.StorageKind]cloud{
	syncline.KindS3:           {openBucket, browseBuckets},
	syncline.KindS3Compatible: {openBucket, browseBuckets},
	syncline.KindAzure:        {openContainer, browseContainers},
	syncline.KindGCS:          {openGoogleBucket, browseGoogleBuckets},
}

func (c *clouds) s3Config(s syncline.ObjectStorage, by api.Access) s3.Config {
	config := s3.Config{
		Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: s.Folder, Region: s.Region, CA: c.ca, DenyPrivate: c.denyPrivate,
		AccessKey: by.Account.UserName, SecretKey: by.Secret.Reveal(),
	}
	if s.Kind == syncline.KindS3 {
		config.Endpoint = amazonEndpoint(s.Cloud, s.Region)
	}
	return config
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

func openBucket(ctx context.Context, c *clouds, s syncline.ObjectStorage, by api.Access) (storage.Storage, error) {
	st, err := s3.Open(ctx, c.s3Config(s, by))
	if err != nil {
		return nil, err
	}
	return st, nil
}

func browseBuckets(ctx context.Context, c *clouds, s syncline.ObjectStorage, by api.Access) (browser, error) {
	client, err := s3.Connect(ctx, c.s3Config(s, by))
	if err != nil {
		return nil, err
	}
	return client, nil
}

// azureSuffixes are what the names of the accounts in Azure's worlds end in.
var azureSuffixes = map[syncline.Cloud]string{
	syncline.CloudGlobal:     azure.DefaultSuffix,
	syncline.CloudGermany:    "core.cloudapi.de",
	syncline.CloudChina:      "core.chinacloudapi.cn",
	syncline.CloudGovernment: "core.usgovcloudapi.net",
}

func (c *clouds) azureConfig(s syncline.ObjectStorage, by api.Access) (azure.Config, error) {
	config := azure.Config{
		Account: by.Account.UserName, EndpointSuffix: azureSuffixes[s.Cloud], Endpoint: s.Endpoint,
		Container: s.Bucket, Prefix: s.Folder, CA: c.ca, DenyPrivate: c.denyPrivate,
	}
	key := by.Secret.Reveal()
	if !strings.Contains(key, "sig=") {
		config.Key = key
		return config, nil
	}
	// A signature goes over the wire as it is: whoever may name the endpoint
	// could read it there.
	if s.Endpoint != "" {
		return config, syncline.Errorf(syncline.CodeInvalid, "a shared access signature is sent to Azure's own addresses only; use the account's key, or leave the endpoint out")
	}
	config.SAS = key
	return config, nil
}

func openContainer(ctx context.Context, c *clouds, s syncline.ObjectStorage, by api.Access) (storage.Storage, error) {
	config, err := c.azureConfig(s, by)
	if err != nil {
		return nil, err
	}
	st, err := azure.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	return st, nil
}

func browseContainers(ctx context.Context, c *clouds, s syncline.ObjectStorage, by api.Access) (browser, error) {
	config, err := c.azureConfig(s, by)
	if err != nil {
		return nil, err
	}
	client, err := azure.Connect(ctx, config)
	if err != nil {
		return nil, err
	}
	return containers{client}, nil
}

// containers gives Azure's client the names of S3's.
type containers struct{ *azure.Client }

func (c containers) ListBuckets(ctx context.Context) ([]string, error) { return c.ListContainers(ctx) }

func (c containers) BucketExists(ctx context.Context, bucket string) (bool, error) {
	return c.ContainerExists(ctx, bucket)
}

func (c *clouds) gcsConfig(s syncline.ObjectStorage, by api.Access) gcs.Config {
	return gcs.Config{
		Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: s.Folder, KeyFile: []byte(by.Secret.Reveal()),
		GuardToken: true, CA: c.ca, DenyPrivate: c.denyPrivate,
	}
}

func openGoogleBucket(ctx context.Context, c *clouds, s syncline.ObjectStorage, by api.Access) (storage.Storage, error) {
	st, err := gcs.Open(ctx, c.gcsConfig(s, by))
	if err != nil {
		return nil, err
	}
	return st, nil
}

func browseGoogleBuckets(ctx context.Context, c *clouds, s syncline.ObjectStorage, by api.Access) (browser, error) {
	client, err := gcs.Connect(ctx, c.gcsConfig(s, by))
	if err != nil {
		return nil, err
	}
	return client, nil
}

// place opens the storage at a place. It makes no request.
func (c *clouds) place(ctx context.Context, at api.Place) (place, error) {
	if at.Path != "" {
		st, err := local.Open(at.Path)
		if err != nil {
			return place{}, err
		}
		return place{storage: st, close: st.Close, maxRead: maxLocalRead}, nil
	}
	kind, ok := cloudsByKind[at.Storage.Kind]
	if !ok {
		return place{}, syncline.Errorf(syncline.CodeUnsupported, "this version knows no object storage of the kind %q; install a later one", at.Storage.Kind)
	}
	st, err := kind.open(ctx, c, at.Storage, at.Access)
	if err != nil {
		return place{}, err
	}
	return far(st), nil
}

// limited puts object storage within the limits of its account, which hold
// over all of its sessions.
func (c *clouds) limited(st storage.Storage, at api.Place) storage.Storage {
	if at.Path != "" {
		return st
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limiters == nil {
		c.limiters = make(map[syncline.ID]*storage.Limiter)
	}
	l := c.limiters[at.Storage.AccountID]
	if l == nil {
		l = storage.NewLimiter(limitOptions(at.Access.Account))
		c.limiters[at.Storage.AccountID] = l
	}
	return l.Wrap(st)
}

func limitOptions(a syncline.Account) storage.LimitOptions {
	return storage.LimitOptions{MaxConcurrent: a.Limits.Connections, BytesPerSecond: int(min(a.Limits.BytesPerSecond, math.MaxInt))}
}

// accounts are the stored ones; what changes of an account's limits holds at
// once, for the sessions that run too.
type accounts struct {
	accountStore
	clouds *clouds
}

type accountStore = store.Accounts

func (a accounts) UpdateAccount(ctx context.Context, x syncline.Account, sealed []byte) error {
	if err := a.accountStore.UpdateAccount(ctx, x, sealed); err != nil {
		return err
	}
	a.clouds.mu.Lock()
	defer a.clouds.mu.Unlock()
	if l := a.clouds.limiters[x.ID]; l != nil {
		l.Set(limitOptions(x))
	}
	return nil
}

// Somebody waits for the answer while a place is tried: it is given up sooner
// than in a session.
const (
	tryTimeout  = time.Minute
	tryAttempts = 3
	tryStall    = 20 * time.Second
)

func (c *clouds) timeout() time.Duration {
	if c.patience > 0 {
		return c.patience
	}
	return tryTimeout
}

// trying runs fn with the storage at a place, for a bounded time.
func (c *clouds) trying(ctx context.Context, at api.Place, fn func(context.Context, storage.Storage) error) error {
	within, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	p, err := c.place(within, at)
	if err != nil {
		return describe(err, at)
	}
	st := p.storage
	if at.Path == "" {
		st = storage.NewRetry(st, storage.RetryOptions{MaxElapsed: c.timeout(), MaxAttempts: tryAttempts, Stall: tryStall})
	}
	err = fn(within, st)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = c.tooSlow(err)
	}
	return describe(errors.Join(err, p.close()), at)
}

func (c *clouds) tooSlow(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the storage did not answer within %s; check the endpoint, and whether a firewall keeps this machine out", c.timeout())
}

// check opens the repository at a place and drops it again.
func (c *clouds) check(ctx context.Context, at api.Place, password string) error {
	return c.trying(ctx, at, func(ctx context.Context, st storage.Storage) error {
		_, err := resticrepo.Open(ctx, st, password)
		return err
	})
}

var errEnough = errors.New("enough")

// Try implements api.Clouds. It asks what a session asks too, so that every
// right that is missing shows; of the answers only refusals count.
func (c *clouds) Try(ctx context.Context, s syncline.ObjectStorage, by api.Access) error {
	return c.trying(ctx, api.Place{Storage: s, Access: by}, func(ctx context.Context, st storage.Storage) error {
		err := st.List(ctx, "keys", func(string, int64) error { return errEnough })
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		f, err := st.Open(ctx, "config", 0, 1)
		switch {
		case errors.Is(err, fs.ErrNotExist) && syncline.CodeOf(err) != syncline.CodeNoRepository:
			return nil // no repository yet, or one in a folder below
		case err != nil:
			return err
		}
		_, err = io.Copy(io.Discard, f)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil // an empty object
		}
		return errors.Join(err, f.Close())
	})
}

// browsing runs fn with a client for browsing, for a bounded time.
func (c *clouds) browsing(ctx context.Context, s syncline.ObjectStorage, by api.Access, fn func(context.Context, browser) error) error {
	within, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	b, err := cloudsByKind[s.Kind].browse(within, c, s, by)
	if err == nil {
		err = fn(within, b)
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = c.tooSlow(err)
	}
	return err
}

// Buckets implements api.Clouds.
func (c *clouds) Buckets(ctx context.Context, s syncline.ObjectStorage, by api.Access) (names []string, err error) {
	err = c.browsing(ctx, s, by, func(ctx context.Context, b browser) (err error) {
		names, err = b.ListBuckets(ctx)
		return err
	})
	return names, err
}

// HasBucket implements api.Clouds.
func (c *clouds) HasBucket(ctx context.Context, s syncline.ObjectStorage, by api.Access) (there bool, err error) {
	err = c.browsing(ctx, s, by, func(ctx context.Context, b browser) (err error) {
		there, err = b.BucketExists(ctx, s.Bucket)
		return err
	})
	return there, err
}

// Folders implements api.Clouds.
func (c *clouds) Folders(ctx context.Context, s syncline.ObjectStorage, by api.Access) (names []string, err error) {
	err = c.browsing(ctx, s, by, func(ctx context.Context, b browser) (err error) {
		names, err = b.ListFolders(ctx, s.Bucket, s.Folder)
		return err
	})
	return names, err
}

// describe gives an error of a place its code and a message for the user.
func describe(err error, at api.Place) error {
	var own *syncline.Error
	noBucket := errors.As(err, &own) && own.Code == syncline.CodeNoRepository
	if at.Path == "" && errors.Is(err, resticrepo.ErrNoRepository) && !noBucket {
		folder := "at the root"
		if at.Storage.Folder != "" {
			folder = fmt.Sprintf("in the folder %q", at.Storage.Folder)
		}
		return syncline.WrapError(syncline.CodeNoRepository, err, "there is no restic repository %s of %q (no config file and no keys); check the folder", folder, at.Storage.Bucket)
	}
	return syncer.Translate(err)
}
