package api

import (
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// storageTypes lists the types of object storage.
func (h *storages) storageTypes() string {
	var names []string
	for _, s := range h.kinds.AllStored() {
		names = append(names, s.StorageType)
	}
	return strings.Join(names, ", ")
}

// storageType returns the type of a kind, which a later version may have recorded.
func (h *storages) storageType(kind syncline.StorageKind) string {
	if s := h.kinds.Stored(kind); s != nil {
		return s.StorageType
	}
	return string(kind)
}

// merge takes over the fields that the body sets and checks the outcome. The id is the
// storage's, or empty for a new one.
func (h *storages) merge(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed, id syncline.ID) error {
	if err := h.refuse(b, id); err != nil {
		return err
	}
	switch kind := h.kinds.OfStorages(deref(b.Type)); {
	case s.Kind == "" && kind == nil:
		return invalid("type is required; name one of %s", h.storageTypes())
	case s.Kind == "":
		s.Kind = kind.Kind
	case b.Type != nil && *b.Type != h.storageType(s.Kind):
		return invalid("type cannot change; add another object storage repository instead")
	}
	kind := h.kinds.Stored(s.Kind)
	if kind == nil {
		return syncline.Errorf(syncline.CodeUnsupported, "this version knows no object storage of the kind %q; install a later one", s.Kind)
	}
	form, own := ownForms[s.Kind]
	if err := refuseOtherKinds(kind, b); err != nil {
		return err
	}
	set(&s.Name, b.Name)
	set(&s.Description, b.Description)
	if b.AccountID != nil {
		s.AccountID = syncline.ID(strings.ToLower(string(*b.AccountID)))
	}
	if !own {
		return h.mergeAddress(s, kind, b)
	}
	form.merge(s, b)
	if s.Cloud == "" && (s.Kind == syncline.KindS3 || s.Kind == syncline.KindAzure) {
		s.Cloud = syncline.CloudGlobal
	}
	s.Folder = strings.Trim(s.Folder, "/")
	if err := mergeStorageSettings(s, kind, b); err != nil {
		return err
	}
	return checkStorage(*s)
}

// mergeAddress takes over the place of a kind that has an address.
func (h *storages) mergeAddress(s *syncline.ObjectStorage, kind *place.Stored, b *v6.ObjectStorageRepositoryComposed) error {
	if deref(b.Address) != "" {
		there, err := h.kinds.ParseStored(s.Kind, *b.Address)
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "address: %s", syncline.MessageOf(err))
		}
		s.Endpoint, s.Bucket, s.Folder, s.Region, s.Cloud = there.Endpoint, there.Bucket, there.Folder, there.Region, there.Cloud
	}
	if err := checkRecord(*s); err != nil {
		return err
	}
	if s.Endpoint+s.Bucket+s.Folder == "" {
		return invalid("address is required; give one like %s", kind.Example)
	}
	for _, text := range []string{s.Endpoint, s.Bucket, s.Folder} {
		if hasControl(text) {
			return invalid("address must not hold control characters")
		}
	}
	return mergeStorageSettings(s, kind, b)
}

func mergeStorageSettings(s *syncline.ObjectStorage, kind *place.Stored, b *v6.ObjectStorageRepositoryComposed) (err error) {
	if s.Settings, err = mergeSettings(s.Settings, kind.Fields, b.Settings); err != nil {
		return err
	}
	return place.CheckSettings(kind.Fields, s.Settings)
}

// checkRecord checks what every kind has.
func checkRecord(s syncline.ObjectStorage) error {
	switch {
	case s.Name == "":
		return invalid("name is required; give the object storage repository a name")
	case strings.TrimSpace(s.Name) != s.Name || hasControl(s.Name):
		return invalid("name must not begin or end with a space or hold control characters")
	case s.AccountID == "" || s.AccountID == zeroID:
		return invalid("accountId is required; add the credentials with POST /v6/Accounts and give the id of the account")
	}
	return nil
}

// checkStorage applies the rules that the document cannot express to a kind that has
// fields of its own.
func checkStorage(s syncline.ObjectStorage) error {
	if err := checkRecord(s); err != nil {
		return err
	}
	form := formOf(s.Kind)
	switch {
	case s.Kind == syncline.KindS3Compatible && s.Endpoint == "":
		return invalid("%s.servicePoint is required; give the storage's address, like https://storage.example:9000", form.place)
	case hasControl(s.Endpoint):
		return invalid("%s must not hold control characters in an address", form.place)
	case s.Bucket == "":
		return invalid("%s is required; GET its buckets or containers to find it", form.bucket())
	case hasControl(s.Bucket):
		return invalid("%s must not hold control characters", form.bucket())
	case hasControl(s.Folder):
		return invalid("%s must not hold control characters", form.folder)
	}
	return checkRegion(s)
}

// checkRegion refuses a region that cannot stand in an address or is not its cloud's.
func checkRegion(s syncline.ObjectStorage) error {
	if strings.Trim(s.Region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return invalid("%s: the region must be a name like eu-central-1", formOf(s.Kind).place)
	}
	if s.Kind != syncline.KindS3 || s.Region == "" {
		return nil
	}
	china, government := strings.HasPrefix(s.Region, "cn-"), strings.HasPrefix(s.Region, "us-gov-")
	if strings.Contains(s.Region, ".") || china != (s.Cloud == syncline.CloudChina) || government != (s.Cloud == syncline.CloudUSGovernment) {
		return invalid("%s: the regionId is none of the regions of regionType %s", formOf(s.Kind).place, s.Cloud)
	}
	return nil
}

// refuse fails when the body sets a field of v6 that cannot be honoured.
func (h *storages) refuse(b *v6.ObjectStorageRepositoryComposed, id syncline.ID) error {
	for _, f := range []struct {
		name, why string
		refused   bool
	}{
		{"type", "Syncline writes to no archive; " + h.storageTypes() + " are taken", deref(b.Type) == "AzureBlobArchive" || deref(b.Type) == "AmazonS3Glacier"},
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
	if t := deref(b.Type); t != "" && h.kinds.OfStorages(t) == nil {
		return invalid("type must be one of %s", h.storageTypes())
	}
	if saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(id)) {
		return invalid("id cannot be chosen or changed; leave it out")
	}
	return nil
}

// json is a storage in v6's form. used is nil where it is not known.
func (h *storages) json(s syncline.ObjectStorage, used *int64) v6.ObjectStorageRepositoryComposed {
	kind, links := h.storageType(s.Kind), map[string]v6.Link{
		"self":    storageLink(s.ID),
		"account": accountLink(s.AccountID),
	}
	answer := v6.ObjectStorageRepositoryComposed{
		ID: &s.ID, Name: &s.Name, Description: &s.Description, Type: &kind, AccountID: &s.AccountID, Links: &links,
		UsedSpaceBytes: used, ManagedBy: present(s.ManagedBy),
	}
	if len(s.Settings) > 0 {
		answer.Settings = &s.Settings
	}
	if form, own := ownForms[s.Kind]; own {
		form.tell(&s, &answer)
	} else {
		answer.Address = present(h.kinds.Address(place.Place{Storage: s}))
	}
	return answer
}

func storageLink(id syncline.ID) v6.Link {
	return v6.Link{Href: "/v6/objectstoragerepositories/" + string(id)}
}
