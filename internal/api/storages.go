package api

import (
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/store"
)

// storageTypes are v6's names of the kinds of object storage.
var storageTypes = map[syncline.StorageKind]string{
	syncline.KindS3:           "AmazonS3",
	syncline.KindS3Compatible: "AmazonS3Compatible",
	syncline.KindAzure:        "AzureBlob",
	syncline.KindGCS:          "GoogleCloudStorage", // Syncline's own
}

// bucketFields are the fields with the bucket, by kind of storage.
var bucketFields = map[syncline.StorageKind]string{
	syncline.KindS3:           "amazonBucketS3Aws",
	syncline.KindS3Compatible: "amazonBucketS3Compatible",
	syncline.KindAzure:        "azureContainer",
	syncline.KindGCS:          "googleBucket",
}

// folderFields are the fields with the folder, by kind of storage.
var folderFields = map[syncline.StorageKind]string{
	syncline.KindS3:           "s3Folder",
	syncline.KindS3Compatible: "s3Folder",
	syncline.KindAzure:        "azureFolder",
	syncline.KindGCS:          "googleFolder",
}

// storages answers for the places in object storage.
type storages struct {
	store        store.ObjectStorages
	repositories *repositories
	accounts     *accounts
	keys         *keys
	places       trier
	sizes        interface {
		Repository(ctx context.Context, id syncline.ID) (explore.RepositoryStatistics, error)
	}
	made *stamp
}

// ListObjectStorageRepositories answers GET /v6/objectstoragerepositories.
func (h *storages) ListObjectStorageRepositories(ctx context.Context, req v6.ListObjectStorageRepositoriesRequestObject) (v6.ListObjectStorageRepositoriesResponseObject, error) {
	answer := v6.ListObjectStorageRepositories200JSONResponse{}
	if deref(req.Params.LongTerm) {
		return answer, nil
	}
	storages, err := h.store.ObjectStorages(ctx)
	if err != nil {
		return nil, err
	}
	told, omitted := storages, 0
	if !extended(ctx, req.Params.Extensions) {
		told = slices.DeleteFunc(slices.Clone(storages), func(s syncline.ObjectStorage) bool { return isExtension(s.Kind) })
		omitted = len(storages) - len(told)
	}
	used, err := h.usedSpace(ctx, told)
	if err != nil {
		return nil, err
	}
	for i, s := range told {
		answer = append(answer, storageJSON(s, used[i]))
	}
	return knownStorages{answer, omitted}, nil
}

// GetObjectStorageRepository answers GET /v6/objectstoragerepositories/{repositoryId}.
func (h *storages) GetObjectStorageRepository(ctx context.Context, req v6.GetObjectStorageRepositoryRequestObject) (v6.GetObjectStorageRepositoryResponseObject, error) {
	s, err := h.store.ObjectStorage(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	if isExtension(s.Kind) && !extended(ctx, req.Params.Extensions) {
		return nil, errExtension("object storage")
	}
	used, err := h.usedSpace(ctx, []syncline.ObjectStorage{s})
	if err != nil {
		return nil, err
	}
	return v6.GetObjectStorageRepository200JSONResponse(storageJSON(s, used[0])), nil
}

// AddObjectStorageRepository answers POST /v6/objectstoragerepositories.
func (h *storages) AddObjectStorageRepository(ctx context.Context, req v6.AddObjectStorageRepositoryRequestObject) (v6.AddObjectStorageRepositoryResponseObject, error) {
	s := syncline.ObjectStorage{ID: h.made.newID(), CreatedAt: h.made.now().UTC(), ManagedBy: infoFrom(ctx).manager}
	if err := mergeStorage(&s, req.Body, ""); err != nil {
		return nil, err
	}
	if _, err := h.tryStorage(ctx, s); err != nil {
		return nil, err
	}
	if err := h.store.AddObjectStorage(ctx, s); err != nil {
		return nil, err
	}
	return v6.AddObjectStorageRepository200JSONResponse(storageJSON(s, nil)), nil
}

// UpdateObjectStorageRepository answers PUT /v6/objectstoragerepositories/{repositoryId}.
func (h *storages) UpdateObjectStorageRepository(ctx context.Context, req v6.UpdateObjectStorageRepositoryRequestObject) (v6.UpdateObjectStorageRepositoryResponseObject, error) {
	old, err := h.store.ObjectStorage(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	s := old
	if s.ManagedBy, err = managed(ctx, "object storage", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := mergeStorage(&s, req.Body, old.ID); err != nil {
		return nil, err
	}
	if s.SamePlace(old) {
		if err := h.store.UpdateObjectStorage(ctx, s); err != nil {
			return nil, err
		}
		return v6.UpdateObjectStorageRepository200Response{}, nil
	}
	if err := h.move(ctx, s); err != nil {
		return nil, err
	}
	return v6.UpdateObjectStorageRepository200Response{}, nil
}

// DeleteObjectStorageRepository answers DELETE /v6/objectstoragerepositories/{repositoryId}.
func (h *storages) DeleteObjectStorageRepository(ctx context.Context, req v6.DeleteObjectStorageRepositoryRequestObject) (v6.DeleteObjectStorageRepositoryResponseObject, error) {
	old, err := h.store.ObjectStorage(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "object storage", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.store.DeleteObjectStorage(ctx, req.RepositoryID); err != nil {
		return nil, err
	}
	return v6.DeleteObjectStorageRepository204Response{}, nil
}

// tryStorage lists and reads in a storage's folder and returns the access to it. Its
// error names the field that is to blame.
func (h *storages) tryStorage(ctx context.Context, s syncline.ObjectStorage) (place.Access, error) {
	by, err := h.accounts.access(ctx, s.AccountID)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return by, invalid("accountId names no account; add the account with POST /v6/Accounts first")
	}
	if err != nil {
		return by, err
	}
	if by.Account.Kind != s.Kind {
		return by, invalid("accountId names an account of the type %s; the storage needs one of the type %s", accountTypes[by.Account.Kind], accountTypes[s.Kind])
	}
	err = h.places.Try(ctx, place.Place{Storage: s, Access: by})
	field := bucketFields[s.Kind]
	switch syncline.CodeOf(err) {
	case "":
		return by, nil
	case syncline.CodeForbidden:
		field = "accountId"
	case syncline.CodeNoRepository: // not even the bucket
		field += ".name"
	case syncline.CodeInternal, syncline.CodeCanceled:
		return by, err
	}
	return by, syncline.WrapError(codeOfTry(err), err, "%s: %s", field, syncline.MessageOf(err))
}

// move records an object storage that lies elsewhere, unless another repository is
// attached there.
func (h *storages) move(ctx context.Context, s syncline.ObjectStorage) error {
	moved, err := h.tryMoving(ctx, s)
	if err != nil {
		return err
	}
	account, err := h.accounts.store.Account(ctx, s.AccountID)
	if err != nil {
		return err
	}
	at := place.Place{Storage: s, Access: place.Access{Account: account}}
	ctx, unlock, err := h.repositories.attaching.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := h.repositories.known.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, r := range moved {
		if err := h.repositories.refuseTakenAt(ctx, all, r, at); err != nil {
			return err
		}
	}
	if err := h.store.UpdateObjectStorage(ctx, s); err != nil {
		return err
	}
	for _, r := range moved {
		if err := h.repositories.store.SetOutOfSync(ctx, r.ID, true); err != nil {
			return err
		}
		h.repositories.checks.Retry(r.ID)
	}
	return nil
}

// tryMoving opens every repository of a storage at the storage's new place, and returns
// the repositories.
func (h *storages) tryMoving(ctx context.Context, s syncline.ObjectStorage) ([]syncline.Repository, error) {
	all, err := h.repositories.known.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var moved []syncline.Repository
	for _, r := range all {
		if r.ObjectStorageID != s.ID {
			continue
		}
		if err := h.repositories.refuseWhileSynchronizing(ctx, r.ID); err != nil {
			return nil, err
		}
		moved = append(moved, r)
	}
	by, err := h.tryStorage(ctx, s)
	if err != nil {
		return nil, err
	}
	for i, r := range moved {
		password, err := h.keys.password(ctx, r.EncryptionKeyID)
		if err != nil {
			return nil, err
		}
		there, err := h.repositories.synchronizer.Check(ctx, place.Place{Storage: s, Access: by}, password)
		if err != nil {
			return nil, syncline.WrapError(codeOfTry(err), err, "the repository %q does not open there: %s", r.Name, syncline.MessageOf(err))
		}
		if err := sameRepository(r, there); err != nil {
			return nil, err
		}
		moved[i].ResticID = there
	}
	return moved, nil
}

// mergeStorage takes over the fields that the body sets and checks the outcome. The id
// is the storage's, or empty for a new one.
func mergeStorage(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed, id syncline.ID) error {
	if err := refuseStorage(b, id); err != nil {
		return err
	}
	switch kind := kindOf(storageTypes, deref(b.Type)); {
	case s.Kind == "" && b.Type == nil:
		return invalid("type is required; name one of AzureBlob, AmazonS3, AmazonS3Compatible, GoogleCloudStorage")
	case s.Kind == "":
		s.Kind = kind
	case b.Type != nil && kind != s.Kind:
		return invalid("type cannot change; add another object storage repository instead")
	}
	if err := refuseOtherKinds(s.Kind, b); err != nil {
		return err
	}
	set(&s.Name, b.Name)
	set(&s.Description, b.Description)
	if b.AccountID != nil {
		s.AccountID = syncline.ID(strings.ToLower(string(*b.AccountID)))
	}
	switch s.Kind {
	case syncline.KindS3Compatible:
		set(&s.Folder, b.S3Folder)
		if c := b.AmazonBucketS3Compatible; c != nil {
			set(&s.Endpoint, c.ServicePoint)
			set(&s.Region, c.CustomRegionID)
			set(&s.Bucket, c.Name)
		}
	case syncline.KindS3:
		set(&s.Folder, b.S3Folder)
		if c := b.AmazonBucketS3Aws; c != nil {
			set((*string)(&s.Cloud), c.RegionType)
			set(&s.Region, c.RegionID)
			set(&s.Bucket, c.Name)
		}
	case syncline.KindAzure:
		set(&s.Folder, b.AzureFolder)
		if c := b.AzureContainer; c != nil {
			set((*string)(&s.Cloud), c.RegionType)
			set(&s.Endpoint, c.Endpoint)
			set(&s.Bucket, c.Name)
		}
	case syncline.KindGCS:
		set(&s.Folder, b.GoogleFolder)
		if c := b.GoogleBucket; c != nil {
			set(&s.Endpoint, c.Endpoint)
			set(&s.Bucket, c.Name)
		}
	}
	if s.Cloud == "" && (s.Kind == syncline.KindS3 || s.Kind == syncline.KindAzure) {
		s.Cloud = syncline.CloudGlobal
	}
	s.Folder = strings.Trim(s.Folder, "/")
	return checkStorage(*s)
}

// checkStorage applies the rules that the document cannot express.
func checkStorage(s syncline.ObjectStorage) error {
	field, folder := bucketFields[s.Kind], folderFields[s.Kind]
	switch {
	case s.Name == "":
		return invalid("name is required; give the object storage repository a name")
	case strings.TrimSpace(s.Name) != s.Name || hasControl(s.Name):
		return invalid("name must not begin or end with a space or hold control characters")
	case s.AccountID == "" || s.AccountID == zeroID:
		return invalid("accountId is required; add the credentials with POST /v6/Accounts and give the id of the account")
	case s.Kind == syncline.KindS3Compatible && s.Endpoint == "":
		return invalid("%s.servicePoint is required; give the storage's address, like https://storage.example:9000", field)
	case hasControl(s.Endpoint):
		return invalid("%s must not hold control characters in an address", field)
	case s.Bucket == "":
		return invalid("%s.name is required; GET its buckets or containers to find it", field)
	case hasControl(s.Bucket):
		return invalid("%s.name must not hold control characters", field)
	case hasControl(s.Folder):
		return invalid("%s must not hold control characters", folder)
	}
	return checkRegion(s)
}

// checkRegion refuses a region that cannot stand in an address or is not its cloud's.
func checkRegion(s syncline.ObjectStorage) error {
	if strings.Trim(s.Region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return invalid("%s: the region must be a name like eu-central-1", bucketFields[s.Kind])
	}
	if s.Kind != syncline.KindS3 || s.Region == "" {
		return nil
	}
	china, government := strings.HasPrefix(s.Region, "cn-"), strings.HasPrefix(s.Region, "us-gov-")
	if strings.Contains(s.Region, ".") || china != (s.Cloud == syncline.CloudChina) || government != (s.Cloud == syncline.CloudUSGovernment) {
		return invalid("%s: the regionId is none of the regions of regionType %s", bucketFields[s.Kind], s.Cloud)
	}
	return nil
}

// refuseStorage fails when the body sets a field of v6 that cannot be honoured.
func refuseStorage(b *v6.ObjectStorageRepositoryComposed, id syncline.ID) error {
	for _, f := range []struct {
		name, why string
		refused   bool
	}{
		{"type", "Syncline writes to no archive; AzureBlob, AmazonS3, AmazonS3Compatible and GoogleCloudStorage are taken", deref(b.Type) != "" && kindOf(storageTypes, *b.Type) == ""},
		{"sizeLimitEnabled", "Syncline writes nothing there", deref(b.SizeLimitEnabled)},
		{"sizeLimitGB", "Syncline writes nothing there", deref(b.SizeLimitGB) != 0},
		{"glacierDeepArchiveEnabled", "Syncline writes nothing there", deref(b.GlacierDeepArchiveEnabled)},
		{"iaStorageClassEnabled", "Syncline writes nothing there", deref(b.IaStorageClassEnabled)},
		{"useArchiverAppliance", "Syncline starts no machines", deref(b.UseArchiverAppliance)},
		{"amazonArchiverAppliance", "Syncline starts no machines", b.AmazonArchiverAppliance != nil},
		{"azureArchiverAppliance", "Syncline starts no machines", b.AzureArchiverAppliance != nil},
		{"azureServiceAccount", "Syncline starts no machines", b.AzureServiceAccount != nil},
		{"azureSubscription", "Syncline starts no machines", b.AzureSubscription != nil},
		{"amazonBucketS3Aws.regionName", "give regionId", b.AmazonBucketS3Aws != nil && deref(b.AmazonBucketS3Aws.RegionName) != ""},
	} {
		if f.refused {
			return invalid("%s cannot be honoured: %s", f.name, f.why)
		}
	}
	if saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(id)) {
		return invalid("id cannot be chosen or changed; leave it out")
	}
	return nil
}

// refuseOtherKinds fails when the body sets a field of another kind of storage.
func refuseOtherKinds(kind syncline.StorageKind, b *v6.ObjectStorageRepositoryComposed) error {
	for _, f := range []struct {
		name    string
		refused bool
	}{
		{"amazonBucketS3Compatible", kind != syncline.KindS3Compatible && b.AmazonBucketS3Compatible != nil},
		{"amazonBucketS3Aws", kind != syncline.KindS3 && b.AmazonBucketS3Aws != nil},
		{"azureContainer", kind != syncline.KindAzure && b.AzureContainer != nil},
		{"googleBucket", kind != syncline.KindGCS && b.GoogleBucket != nil},
		{"s3Folder", folderFields[kind] != "s3Folder" && deref(b.S3Folder) != ""},
		{"azureFolder", folderFields[kind] != "azureFolder" && deref(b.AzureFolder) != ""},
		{"googleFolder", folderFields[kind] != "googleFolder" && deref(b.GoogleFolder) != ""},
	} {
		if f.refused {
			return invalid("%s cannot be honoured: it does not go with the type %s", f.name, storageTypes[kind])
		}
	}
	return nil
}

// storageJSON is a storage in v6's form. used is nil where it is not known.
func storageJSON(s syncline.ObjectStorage, used *int64) v6.ObjectStorageRepositoryComposed {
	kind, links := storageTypes[s.Kind], map[string]v6.Link{
		"self":    storageLink(s.ID),
		"account": accountLink(s.AccountID),
	}
	answer := v6.ObjectStorageRepositoryComposed{
		ID: &s.ID, Name: &s.Name, Description: &s.Description, Type: &kind, AccountID: &s.AccountID, Links: &links,
		UsedSpaceBytes: used, ManagedBy: present(s.ManagedBy),
	}
	cloud := string(s.Cloud)
	switch s.Kind {
	case syncline.KindS3Compatible:
		answer.S3Folder = &s.Folder
		answer.AmazonBucketS3Compatible = &v6.AmazonBucketS3Compatible{Name: &s.Bucket, ServicePoint: &s.Endpoint, CustomRegionID: present(s.Region)}
	case syncline.KindS3:
		answer.S3Folder = &s.Folder
		answer.AmazonBucketS3Aws = &v6.AmazonBucketS3Aws{Name: &s.Bucket, RegionType: &cloud, RegionID: present(s.Region)}
	case syncline.KindAzure:
		answer.AzureFolder = &s.Folder
		answer.AzureContainer = &v6.AzureContainer{Name: &s.Bucket, RegionType: &cloud, Endpoint: present(s.Endpoint)}
	case syncline.KindGCS:
		answer.GoogleFolder = &s.Folder
		answer.GoogleBucket = &v6.GoogleBucket{Name: &s.Bucket, Endpoint: present(s.Endpoint)}
	}
	return answer
}

func storageLink(id syncline.ID) v6.Link {
	return v6.Link{Href: "/v6/objectstoragerepositories/" + string(id)}
}
