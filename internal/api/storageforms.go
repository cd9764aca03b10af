package api

import (
	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// storageForm is how the places of a kind are written in a body.
type storageForm struct {
	place  string // the field with the place
	folder string // the field with the folder; "" where it is a part of the place
	merge  func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed)
	tell   func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed)
	sent   func(b *v6.ObjectStorageRepositoryComposed) bool // whether the body has the place
}

// bucket names the field with the bucket.
func (f storageForm) bucket() string {
	if f.folder == "" {
		return f.place
	}
	return f.place + ".name"
}

// ownForms are the kinds that have fields of their own, v6's or Syncline's. All others
// have an address and settings, and need nothing here.
var ownForms = map[syncline.StorageKind]storageForm{
	syncline.KindS3Compatible: {
		place: "amazonBucketS3Compatible", folder: "s3Folder",
		merge: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			set(&s.Folder, b.S3Folder)
			if c := b.AmazonBucketS3Compatible; c != nil {
				set(&s.Endpoint, c.ServicePoint)
				set(&s.Region, c.CustomRegionID)
				set(&s.Bucket, c.Name)
			}
		},
		tell: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			b.S3Folder = &s.Folder
			b.AmazonBucketS3Compatible = &v6.AmazonBucketS3Compatible{Name: &s.Bucket, ServicePoint: &s.Endpoint, CustomRegionID: present(s.Region)}
		},
		sent: func(b *v6.ObjectStorageRepositoryComposed) bool { return b.AmazonBucketS3Compatible != nil },
	},
	syncline.KindS3: {
		place: "amazonBucketS3Aws", folder: "s3Folder",
		merge: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			set(&s.Folder, b.S3Folder)
			if c := b.AmazonBucketS3Aws; c != nil {
				set((*string)(&s.Cloud), c.RegionType)
				set(&s.Region, c.RegionID)
				set(&s.Bucket, c.Name)
			}
		},
		tell: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			b.S3Folder = &s.Folder
			b.AmazonBucketS3Aws = &v6.AmazonBucketS3Aws{Name: &s.Bucket, RegionType: (*string)(&s.Cloud), RegionID: present(s.Region)}
		},
		sent: func(b *v6.ObjectStorageRepositoryComposed) bool { return b.AmazonBucketS3Aws != nil },
	},
	syncline.KindAzure: {
		place: "azureContainer", folder: "azureFolder",
		merge: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			set(&s.Folder, b.AzureFolder)
			if c := b.AzureContainer; c != nil {
				set((*string)(&s.Cloud), c.RegionType)
				set(&s.Endpoint, c.Endpoint)
				set(&s.Bucket, c.Name)
			}
		},
		tell: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			b.AzureFolder = &s.Folder
			b.AzureContainer = &v6.AzureContainer{Name: &s.Bucket, RegionType: (*string)(&s.Cloud), Endpoint: present(s.Endpoint)}
		},
		sent: func(b *v6.ObjectStorageRepositoryComposed) bool { return b.AzureContainer != nil },
	},
	syncline.KindGCS: {
		place: "googleBucket", folder: "googleFolder",
		merge: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			set(&s.Folder, b.GoogleFolder)
			if c := b.GoogleBucket; c != nil {
				set(&s.Endpoint, c.Endpoint)
				set(&s.Bucket, c.Name)
			}
		},
		tell: func(s *syncline.ObjectStorage, b *v6.ObjectStorageRepositoryComposed) {
			b.GoogleFolder = &s.Folder
			b.GoogleBucket = &v6.GoogleBucket{Name: &s.Bucket, Endpoint: present(s.Endpoint)}
		},
		sent: func(b *v6.ObjectStorageRepositoryComposed) bool { return b.GoogleBucket != nil },
	},
}

// formOf returns the form of a kind.
func formOf(kind syncline.StorageKind) storageForm {
	if f, own := ownForms[kind]; own {
		return f
	}
	return storageForm{place: "address"}
}

// refuseOtherKinds fails when the body sets a field of another kind of storage.
func refuseOtherKinds(kind *place.Stored, b *v6.ObjectStorageRepositoryComposed) error {
	refused := func(field string) error {
		return invalid("%s cannot be honoured: it does not go with the type %s", field, kind.StorageType)
	}
	for other, f := range ownForms {
		if other != kind.Kind && f.sent(b) {
			return refused(f.place)
		}
	}
	form := formOf(kind.Kind)
	for _, f := range []struct {
		name    string
		refused bool
	}{
		{"s3Folder", form.folder != "s3Folder" && deref(b.S3Folder) != ""},
		{"azureFolder", form.folder != "azureFolder" && deref(b.AzureFolder) != ""},
		{"googleFolder", form.folder != "googleFolder" && deref(b.GoogleFolder) != ""},
		{"address", form.place != "address" && deref(b.Address) != ""},
	} {
		if f.refused {
			return refused(f.name)
		}
	}
	return nil
}
