package declare

import (
	"cmp"
	"context"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// State is what a server has.
type State struct {
	Accounts     []client.Account
	Keys         []client.EncryptionKey
	Storages     []client.ObjectStorage
	Repositories []client.Repository
	Users        []client.User
	Rules        []client.AlarmRule
	Kinds        []client.StorageKind // nil for a server of a version before them
}

// Load asks a server what it has.
func Load(ctx context.Context, c *client.Client) (s State, err error) {
	for _, ask := range []func() error{
		func() error { s.Accounts, err = c.Accounts(ctx); return err },
		func() error { s.Keys, err = c.EncryptionKeys(ctx); return err },
		func() error { s.Storages, err = c.ObjectStorages(ctx); return err },
		func() error { s.Repositories, err = c.Repositories(ctx); return err },
		func() error { s.Users, err = c.Users(ctx); return err },
		func() error { s.Rules, err = c.AlarmRules(ctx); return err },
		func() error { s.Kinds, err = kindsOf(ctx, c); return err },
	} {
		if err := ask(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// nameOf returns the name that a thing of the server has for people, "" for none.
func (s *State) nameOf(kind string, id syncline.ID) string {
	switch kind {
	case kindAccount:
		return called(s.Accounts, func(x client.Account) (syncline.ID, string) { return x.ID, cmp.Or(x.Description, x.UserName) }, id)
	case kindKey:
		return called(s.Keys, func(x client.EncryptionKey) (syncline.ID, string) { return x.ID, x.Description }, id)
	case kindStorage:
		return called(s.Storages, func(x client.ObjectStorage) (syncline.ID, string) { return x.ID, x.Name }, id)
	default:
		return called(s.Repositories, func(x client.Repository) (syncline.ID, string) { return x.ID, x.Name }, id)
	}
}

func called[T any](list []T, name func(T) (syncline.ID, string), id syncline.ID) string {
	for i := range list {
		if has, name := name(list[i]); has == id {
			return name
		}
	}
	return ""
}

// declares reports whether a thing of the file has a name.
func (f *File) declares(kind, name string) bool {
	is := func(n string) bool { return fold(n) == fold(name) }
	switch kind {
	case kindAccount:
		return slices.ContainsFunc(f.Accounts, func(x Account) bool { return is(x.Name) })
	case kindKey:
		return slices.ContainsFunc(f.Keys, func(x Key) bool { return is(x.Name) })
	case kindStorage:
		return slices.ContainsFunc(f.Storages, func(x Storage) bool { return is(x.Name) })
	default:
		return slices.ContainsFunc(f.Repositories, func(x Repository) bool { return is(x.Name) })
	}
}

// place is where a storage lies, in the words of a file.
type place struct{ bucket, folder, endpoint, region, cloud, address string }

func placeOf(s client.ObjectStorage) place {
	switch s.Type {
	case client.StorageS3:
		return place{s.S3Bucket.Name, s.S3Folder, "", s.S3Bucket.RegionID, s.S3Bucket.RegionType, ""}
	case client.StorageAzure:
		return place{s.AzureContainer.Name, s.AzureFolder, s.AzureContainer.Endpoint, "", s.AzureContainer.RegionType, ""}
	case client.StorageGoogle:
		return place{s.GoogleBucket.Name, s.GoogleFolder, s.GoogleBucket.Endpoint, "", "", ""}
	case client.StorageS3Compatible:
		b := s.S3CompatibleBucket
		return place{b.Name, s.S3Folder, b.ServicePoint, b.RegionID, "", ""}
	}
	return place{address: s.Address}
}

// object is a declared storage in the form of the API.
func (s Storage) object(storageType string, account syncline.ID) client.ObjectStorage {
	o := client.ObjectStorage{Name: s.Name, Description: s.Description, Type: storageType, AccountID: account, Settings: s.Settings}
	switch o.Type {
	case client.StorageS3:
		o.S3Bucket, o.S3Folder = client.S3Bucket{Name: s.Bucket, RegionType: s.Cloud, RegionID: s.Region}, s.Folder
	case client.StorageAzure:
		o.AzureContainer, o.AzureFolder = client.AzureContainer{Name: s.Bucket, RegionType: s.Cloud, Endpoint: s.Endpoint}, s.Folder
	case client.StorageGoogle:
		o.GoogleBucket, o.GoogleFolder = client.GoogleBucket{Name: s.Bucket, Endpoint: s.Endpoint}, s.Folder
	case client.StorageS3Compatible:
		o.S3CompatibleBucket, o.S3Folder = client.S3CompatibleBucket{Name: s.Bucket, ServicePoint: s.Endpoint, RegionID: s.Region}, s.Folder
	default:
		o.Address = s.Address
	}
	return o
}

// find returns the thing that a name, or an id, stands for. A thing of the file's own
// goes before one of nobody's. owner gives id, name and manager of a thing. It fails
// when the name stands for several things.
func find[T any](noun, file string, id syncline.ID, name string, list []T, owner func(T) (syncline.ID, string, string)) (*T, error) {
	var own, free []*T
	for i := range list {
		has, called, by := owner(list[i])
		switch {
		case id != "" && has == id && by != "" && by != file:
			return nil, otherFile(noun, name, by)
		case id != "" && has == id:
			return &list[i], nil
		case id != "" || fold(called) != fold(name):
		case by == file:
			own = append(own, &list[i])
		case by == "":
			free = append(free, &list[i])
		}
	}
	switch {
	case id != "":
		return nil, invalid("%s %q: the server has none with the id %s; leave the id out to add it", noun, name, id)
	case len(own) == 1:
		return own[0], nil
	case len(own) == 0 && len(free) == 1:
		return free[0], nil
	case len(own)+len(free) > 0:
		return nil, invalid("the server has several %ss that are described as %q; give them different descriptions, or the id of one in the file", noun, name)
	}
	return nil, nil
}

func otherFile(noun, name, by string) error {
	return syncline.Errorf(syncline.CodeConflict, "the file %q declares the %s %q; take it out of that file, or release it", by, noun, name)
}

// named returns the thing with a name that only one thing has.
func named[T any](noun, file, name string, list []T, owner func(T) (string, string)) (*T, error) {
	for i := range list {
		called, by := owner(list[i])
		if fold(called) != fold(name) {
			continue
		}
		if by != "" && by != file {
			return nil, otherFile(noun, name, by)
		}
		return &list[i], nil
	}
	return nil, nil
}
