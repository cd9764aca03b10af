package api

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// Places reaches object storage. Errors are CodeForbidden where it refuses the
// credentials or a right is missing, CodeNoRepository for a missing bucket,
// CodeInvalid, CodeUnavailable or CodeTooLarge; their messages hold no secret.
type Places interface {
	trier
	// Buckets returns the names of the buckets that the account may see.
	Buckets(ctx context.Context, at place.Place) ([]string, error)
	// HasBucket reports whether the place's bucket is there.
	HasBucket(ctx context.Context, at place.Place) (bool, error)
	// Folders returns the names of the folders in the place's folder.
	Folders(ctx context.Context, at place.Place) ([]string, error)
}

// browse answers with what lies in object storage.
type browse struct {
	accounts *accounts
	places   Places
}

// browsing is one look into object storage.
type browsing struct {
	*browse
	where   syncline.ObjectStorage
	by      place.Access
	base    string // path of the resource that lists the buckets
	query   url.Values
	account syncline.ID
}

func (h *browse) browseS3Compatible(account syncline.ID, endpoint string, region *string) *browsing {
	b := &browsing{
		browse: h, account: account, base: "/v6/S3CompatibleResources/buckets",
		where: syncline.ObjectStorage{Kind: syncline.KindS3Compatible, Endpoint: endpoint, Region: deref(region)},
		query: url.Values{"accountId": {string(account)}, "ServicePoint": {endpoint}},
	}
	if region != nil {
		b.query.Set("CustomRegionId", *region)
	}
	return b
}

func (h *browse) browseS3(account syncline.ID, cloud string) *browsing {
	return &browsing{
		browse: h, account: account, base: "/v6/S3Resources/buckets",
		where: syncline.ObjectStorage{Kind: syncline.KindS3, Cloud: syncline.Cloud(cloud)},
		query: url.Values{"accountId": {string(account)}, "RegionType": {cloud}},
	}
}

func (h *browse) browseAzure(account syncline.ID, cloud string, endpoint *string) *browsing {
	b := &browsing{
		browse: h, account: account, base: "/v6/AzureResources/containers",
		where: syncline.ObjectStorage{Kind: syncline.KindAzure, Cloud: syncline.Cloud(cloud), Endpoint: deref(endpoint)},
		query: url.Values{"accountId": {string(account)}, "RegionType": {cloud}},
	}
	if deref(endpoint) != "" {
		b.query.Set("Endpoint", *endpoint)
	}
	return b
}

func (h *browse) browseGoogle(account syncline.ID, endpoint *string) *browsing {
	b := &browsing{
		browse: h, account: account, base: "/v6/GoogleResources/buckets",
		where: syncline.ObjectStorage{Kind: syncline.KindGCS, Endpoint: deref(endpoint)},
		query: url.Values{"accountId": {string(account)}},
	}
	if deref(endpoint) != "" {
		b.query.Set("Endpoint", *endpoint)
	}
	return b
}

// begin gets the credentials.
func (b *browsing) begin(ctx context.Context) (err error) {
	if hasControl(b.where.Endpoint) {
		return invalid("the address of the storage must not hold control characters")
	}
	if err := checkRegion(b.where); err != nil {
		return err
	}
	if b.by, err = b.accounts.access(ctx, b.account); err != nil {
		return err
	}
	if b.by.Account.Kind != b.where.Kind {
		return invalid("accountId names an account of the type %s; this needs one of the type %s", b.accounts.accountType(b.by.Account.Kind), b.accounts.accountType(b.where.Kind))
	}
	return nil
}

// failed turns an error of a storage into one of the request. A missing bucket is a
// missing resource.
func (b *browsing) failed(err error) error {
	switch syncline.CodeOf(err) {
	case syncline.CodeNoRepository:
		return syncline.WrapError(syncline.CodeNotFound, err, "%s", syncline.MessageOf(err))
	case syncline.CodeForbidden:
		return syncline.WrapError(syncline.CodeInvalid, err, "accountId: %s", syncline.MessageOf(err))
	}
	return err
}

// at is the place that is looked into.
func (b *browsing) at() place.Place { return place.Place{Storage: b.where, Access: b.by} }

// buckets returns the names of the buckets, or of the one with the name.
func (b *browsing) buckets(ctx context.Context, only *string) ([]string, error) {
	if err := b.begin(ctx); err != nil {
		return nil, err
	}
	names, err := b.places.Buckets(ctx, b.at())
	if err != nil {
		return nil, b.failed(err)
	}
	return pick(names, only), nil
}

// pick sorts names. Where only is not nil, it keeps just that name.
func pick(names []string, only *string) []string {
	if only != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return n != *only })
	}
	slices.Sort(names)
	return names
}

// bucket fails where there is no bucket with the name.
func (b *browsing) bucket(ctx context.Context, name string) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	b.where.Bucket = name
	there, err := b.places.HasBucket(ctx, b.at())
	if err != nil {
		return b.failed(err)
	}
	if !there {
		return syncline.Errorf(syncline.CodeNotFound, "there is no bucket or container %q in this account", name)
	}
	return nil
}

// folders returns the folders in a folder of a bucket, as v6 writes them.
func (b *browsing) folders(ctx context.Context, bucket string, parent, only *string) ([]v6.AzureFolderToReceive, error) {
	if err := b.begin(ctx); err != nil {
		return nil, err
	}
	b.where.Bucket, b.where.Folder = bucket, strings.Trim(deref(parent), "/")
	if hasControl(b.where.Folder) {
		return nil, invalid("the folder's path must not hold control characters")
	}
	names, err := b.places.Folders(ctx, b.at())
	if err != nil {
		return nil, b.failed(err)
	}
	found := []v6.AzureFolderToReceive{}
	for _, name := range pick(names, only) {
		at := name
		if b.where.Folder != "" {
			at = b.where.Folder + "/" + name
		}
		found = append(found, v6.AzureFolderToReceive{Path: at, Name: name, Links: v6.SelfLinks{Self: b.link(bucket, "folders", at)}})
	}
	return found, nil
}

// folder returns one folder by its path.
func (b *browsing) folder(ctx context.Context, bucket, at string) (v6.AzureFolderToReceive, error) {
	at = strings.Trim(at, "/")
	cut := strings.LastIndexByte(at, '/') + 1
	parent, name := at[:cut], at[cut:]
	found, err := b.folders(ctx, bucket, &parent, &name)
	switch {
	case err != nil:
		return v6.AzureFolderToReceive{}, err
	case len(found) == 0:
		return v6.AzureFolderToReceive{}, syncline.Errorf(syncline.CodeNotFound, "there is no folder %q in %q", at, bucket)
	}
	return found[0], nil
}

// link makes the address of a resource below the buckets.
func (b *browsing) link(elements ...string) v6.Link {
	at := b.base
	for _, e := range elements {
		at += "/" + url.PathEscape(e)
	}
	return v6.Link{Href: at + "?" + b.query.Encode()}
}

func (b *browsing) bucketLinks(name string) *map[string]v6.Link {
	return &map[string]v6.Link{"self": b.link(name), "folders": b.link(name, "folders")}
}

func (b *browsing) compatibleJSON(name string) *v6.AmazonBucketS3Compatible {
	return &v6.AmazonBucketS3Compatible{ServicePoint: &b.where.Endpoint, CustomRegionID: present(b.where.Region), Name: &name, Links: b.bucketLinks(name)}
}

func (b *browsing) s3JSON(name string) *v6.AmazonBucketS3Aws {
	cloud := string(b.where.Cloud)
	return &v6.AmazonBucketS3Aws{RegionType: &cloud, Name: &name, Links: b.bucketLinks(name)}
}

func (b *browsing) azureJSON(name string) *v6.AzureContainer {
	cloud := string(b.where.Cloud)
	return &v6.AzureContainer{RegionType: &cloud, Endpoint: present(b.where.Endpoint), Name: &name, Links: b.bucketLinks(name)}
}

func (b *browsing) googleJSON(name string) *v6.GoogleBucket {
	return &v6.GoogleBucket{Endpoint: present(b.where.Endpoint), Name: &name, Links: b.bucketLinks(name)}
}

// convert changes the type of every element.
func convert[From, To any](all []From, to func(From) To) []To {
	converted := make([]To, len(all))
	for i, v := range all {
		converted[i] = to(v)
	}
	return converted
}

// ListS3CompatibleBuckets answers GET /v6/S3CompatibleResources/buckets.
func (h *browse) ListS3CompatibleBuckets(ctx context.Context, req v6.ListS3CompatibleBucketsRequestObject) (v6.ListS3CompatibleBucketsResponseObject, error) {
	b := h.browseS3Compatible(req.Params.AccountID, req.Params.ServicePoint, req.Params.CustomRegionID)
	names, err := b.buckets(ctx, req.Params.Name)
	return v6.ListS3CompatibleBuckets200JSONResponse(convert(names, b.compatibleJSON)), err
}

// GetS3CompatibleBucket answers GET /v6/S3CompatibleResources/buckets/{Name}.
func (h *browse) GetS3CompatibleBucket(ctx context.Context, req v6.GetS3CompatibleBucketRequestObject) (v6.GetS3CompatibleBucketResponseObject, error) {
	b := h.browseS3Compatible(req.Params.AccountID, req.Params.ServicePoint, req.Params.CustomRegionID)
	err := b.bucket(ctx, req.Name)
	return v6.GetS3CompatibleBucket200JSONResponse(*b.compatibleJSON(req.Name)), err
}

// ListS3CompatibleFolders answers GET /v6/S3CompatibleResources/buckets/{bucketName}/folders.
func (h *browse) ListS3CompatibleFolders(ctx context.Context, req v6.ListS3CompatibleFoldersRequestObject) (v6.ListS3CompatibleFoldersResponseObject, error) {
	b := h.browseS3Compatible(req.Params.AccountID, req.Params.ServicePoint, req.Params.CustomRegionID)
	found, err := b.folders(ctx, req.BucketName, req.Params.Parent, req.Params.Name)
	return v6.ListS3CompatibleFolders200JSONResponse(convert(found, func(f v6.AzureFolderToReceive) v6.AmazonFolderToReceiveS3Compatible {
		return v6.AmazonFolderToReceiveS3Compatible(f)
	})), err
}

// GetS3CompatibleFolder answers GET /v6/S3CompatibleResources/buckets/{bucketName}/folders/{Name}.
func (h *browse) GetS3CompatibleFolder(ctx context.Context, req v6.GetS3CompatibleFolderRequestObject) (v6.GetS3CompatibleFolderResponseObject, error) {
	b := h.browseS3Compatible(req.Params.AccountID, req.Params.ServicePoint, req.Params.CustomRegionID)
	f, err := b.folder(ctx, req.BucketName, req.Name)
	return v6.GetS3CompatibleFolder200JSONResponse(f), err
}

// ListS3Buckets answers GET /v6/S3Resources/buckets.
func (h *browse) ListS3Buckets(ctx context.Context, req v6.ListS3BucketsRequestObject) (v6.ListS3BucketsResponseObject, error) {
	if deref(req.Params.RegionID) != "" {
		return nil, invalid("RegionId in the query cannot be honoured: the buckets of all regions are listed; leave it out")
	}
	b := h.browseS3(req.Params.AccountID, req.Params.RegionType)
	names, err := b.buckets(ctx, req.Params.Name)
	return v6.ListS3Buckets200JSONResponse(convert(names, b.s3JSON)), err
}

// GetS3Bucket answers GET /v6/S3Resources/buckets/{Name}.
func (h *browse) GetS3Bucket(ctx context.Context, req v6.GetS3BucketRequestObject) (v6.GetS3BucketResponseObject, error) {
	b := h.browseS3(req.Params.AccountID, req.Params.RegionType)
	err := b.bucket(ctx, req.Name)
	return v6.GetS3Bucket200JSONResponse(*b.s3JSON(req.Name)), err
}

// ListS3Folders answers GET /v6/S3Resources/buckets/{bucketName}/folders.
func (h *browse) ListS3Folders(ctx context.Context, req v6.ListS3FoldersRequestObject) (v6.ListS3FoldersResponseObject, error) {
	b := h.browseS3(req.Params.AccountID, req.Params.RegionType)
	found, err := b.folders(ctx, req.BucketName, req.Params.Parent, req.Params.Name)
	return v6.ListS3Folders200JSONResponse(convert(found, func(f v6.AzureFolderToReceive) v6.AmazonFolderToReceiveS3Aws {
		return v6.AmazonFolderToReceiveS3Aws(f)
	})), err
}

// GetS3Folder answers GET /v6/S3Resources/buckets/{bucketName}/folders/{Name}.
func (h *browse) GetS3Folder(ctx context.Context, req v6.GetS3FolderRequestObject) (v6.GetS3FolderResponseObject, error) {
	f, err := h.browseS3(req.Params.AccountID, req.Params.RegionType).folder(ctx, req.BucketName, req.Name)
	return v6.GetS3Folder200JSONResponse(f), err
}

// ListAzureContainers answers GET /v6/AzureResources/containers.
func (h *browse) ListAzureContainers(ctx context.Context, req v6.ListAzureContainersRequestObject) (v6.ListAzureContainersResponseObject, error) {
	b := h.browseAzure(req.Params.AccountID, req.Params.RegionType, req.Params.Endpoint)
	names, err := b.buckets(ctx, req.Params.Name)
	return v6.ListAzureContainers200JSONResponse(convert(names, b.azureJSON)), err
}

// GetAzureContainer answers GET /v6/AzureResources/containers/{Name}.
func (h *browse) GetAzureContainer(ctx context.Context, req v6.GetAzureContainerRequestObject) (v6.GetAzureContainerResponseObject, error) {
	b := h.browseAzure(req.Params.AccountID, req.Params.RegionType, req.Params.Endpoint)
	err := b.bucket(ctx, req.Name)
	return v6.GetAzureContainer200JSONResponse(*b.azureJSON(req.Name)), err
}

// ListAzureFolders answers GET /v6/AzureResources/containers/{containerName}/folders.
func (h *browse) ListAzureFolders(ctx context.Context, req v6.ListAzureFoldersRequestObject) (v6.ListAzureFoldersResponseObject, error) {
	b := h.browseAzure(req.Params.AccountID, req.Params.RegionType, req.Params.Endpoint)
	found, err := b.folders(ctx, req.ContainerName, req.Params.Parent, req.Params.Name)
	return v6.ListAzureFolders200JSONResponse(found), err
}

// GetAzureFolder answers GET /v6/AzureResources/containers/{containerName}/folders/{Name}.
func (h *browse) GetAzureFolder(ctx context.Context, req v6.GetAzureFolderRequestObject) (v6.GetAzureFolderResponseObject, error) {
	b := h.browseAzure(req.Params.AccountID, req.Params.RegionType, req.Params.Endpoint)
	f, err := b.folder(ctx, req.ContainerName, req.Name)
	return v6.GetAzureFolder200JSONResponse(f), err
}

// ListGoogleBuckets answers GET /v6/GoogleResources/buckets.
func (h *browse) ListGoogleBuckets(ctx context.Context, req v6.ListGoogleBucketsRequestObject) (v6.ListGoogleBucketsResponseObject, error) {
	b := h.browseGoogle(req.Params.AccountID, req.Params.Endpoint)
	names, err := b.buckets(ctx, req.Params.Name)
	return v6.ListGoogleBuckets200JSONResponse(convert(names, b.googleJSON)), err
}

// GetGoogleBucket answers GET /v6/GoogleResources/buckets/{Name}.
func (h *browse) GetGoogleBucket(ctx context.Context, req v6.GetGoogleBucketRequestObject) (v6.GetGoogleBucketResponseObject, error) {
	b := h.browseGoogle(req.Params.AccountID, req.Params.Endpoint)
	err := b.bucket(ctx, req.Name)
	return v6.GetGoogleBucket200JSONResponse(*b.googleJSON(req.Name)), err
}

// ListGoogleFolders answers GET /v6/GoogleResources/buckets/{bucketName}/folders.
func (h *browse) ListGoogleFolders(ctx context.Context, req v6.ListGoogleFoldersRequestObject) (v6.ListGoogleFoldersResponseObject, error) {
	b := h.browseGoogle(req.Params.AccountID, req.Params.Endpoint)
	found, err := b.folders(ctx, req.BucketName, req.Params.Parent, req.Params.Name)
	return v6.ListGoogleFolders200JSONResponse(convert(found, func(f v6.AzureFolderToReceive) v6.GoogleFolder {
		return v6.GoogleFolder(f)
	})), err
}

// GetGoogleFolder answers GET /v6/GoogleResources/buckets/{bucketName}/folders/{Name}.
func (h *browse) GetGoogleFolder(ctx context.Context, req v6.GetGoogleFolderRequestObject) (v6.GetGoogleFolderResponseObject, error) {
	f, err := h.browseGoogle(req.Params.AccountID, req.Params.Endpoint).folder(ctx, req.BucketName, req.Name)
	return v6.GetGoogleFolder200JSONResponse(f), err
}
