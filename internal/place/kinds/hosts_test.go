package kinds

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// Every kind tells the hosts that see its secrets. Those of S3, Azure and Google sign.
func TestNewHost(t *testing.T) {
	all := All()
	at := func(s syncline.ObjectStorage, a syncline.Account) place.Place {
		return place.Place{Storage: s, Access: place.Access{Account: a}}
	}
	type storage = syncline.ObjectStorage
	type settings = map[string]string
	user := func(name string) syncline.Account { return syncline.Account{UserName: name} }
	set := func(s settings) syncline.Account { return syncline.Account{Settings: s} }
	for label, c := range map[string]struct {
		known, at place.Place
		want      string
	}{
		"rest, another folder":      {at(storage{Kind: "rest", Endpoint: "https://host:8000", Folder: "a"}, user("u")), at(storage{Kind: "rest", Endpoint: "https://HOST:8000", Folder: "b"}, user("u")), ""},
		"rest, another port":        {at(storage{Kind: "rest", Endpoint: "https://host:8000"}, user("u")), at(storage{Kind: "rest", Endpoint: "https://host"}, user("u")), "https://host"},
		"rest, encrypted":           {at(storage{Kind: "rest", Endpoint: "http://host:8000"}, user("u")), at(storage{Kind: "rest", Endpoint: "https://host:8000"}, user("u")), ""},
		"rest, in the clear":        {at(storage{Kind: "rest", Endpoint: "https://host:8000"}, user("u")), at(storage{Kind: "rest", Endpoint: "http://host:8000"}, user("u")), "http://host:8000"},
		"sftp, its own port":        {at(storage{Kind: "sftp", Endpoint: "host"}, user("u")), at(storage{Kind: "sftp", Endpoint: "host:22"}, user("u")), ""},
		"sftp, another host":        {at(storage{Kind: "sftp", Endpoint: "host"}, user("u")), at(storage{Kind: "sftp", Endpoint: "other"}, user("u")), "other:22"},
		"sftp, a jump host":         {at(storage{Kind: "sftp", Endpoint: "host"}, user("u")), at(storage{Kind: "sftp", Endpoint: "host", Settings: settings{jumpHosts: "u@gate:22"}}, user("u")), "gate:22"},
		"sftp, a jump host's key":   {at(storage{Kind: "sftp", Endpoint: "host", Settings: settings{jumpHosts: "gate"}}, user("u")), at(storage{Kind: "sftp", Endpoint: "host", Settings: settings{jumpHosts: "gate:22 " + hostKeyOfTest, hostKey: hostKeyOfTest}}, user("u")), ""},
		"sftp, without a jump host": {at(storage{Kind: "sftp", Endpoint: "host", Settings: settings{jumpHosts: "gate"}}, user("u")), at(storage{Kind: "sftp", Endpoint: "host"}, user("u")), ""},
		"swift, another container":  {at(storage{Kind: "swift", Bucket: "a"}, set(settings{authURL: "https://host/v3"})), at(storage{Kind: "swift", Bucket: "b"}, set(settings{authURL: "https://host/v2"})), ""},
		"swift, another service":    {at(storage{Kind: "swift"}, set(settings{authURL: "https://host/v3"})), at(storage{Kind: "swift"}, set(settings{authURL: "https://other/v3"})), "https://other"},
		"s3-compatible":             {at(storage{Kind: "s3-compatible", Endpoint: "host"}, user("u")), at(storage{Kind: "s3-compatible", Endpoint: "other"}, user("u")), ""},
		"rest, no host":             {at(storage{Kind: "rest", Endpoint: "https://host"}, user("u")), at(storage{Kind: "rest", Endpoint: "https://u:secret@ho st"}, user("u")), "an address that cannot be read"},
		"rest, IPv6":                {at(storage{Kind: "rest", Endpoint: "https://host"}, user("u")), at(storage{Kind: "rest", Endpoint: "http://[::1]"}, user("u")), "http://[::1]"},
		"s3, another world":         {at(storage{Kind: "s3", Cloud: "Global"}, user("u")), at(storage{Kind: "s3", Cloud: "China"}, user("u")), ""},
		"azure, an endpoint":        {at(storage{Kind: "azure", Cloud: "Global"}, user("u")), at(storage{Kind: "azure", Cloud: "Global", Endpoint: "http://host:1/u"}, user("u")), ""},
		"azure, another account":    {at(storage{Kind: "azure", Cloud: "Global"}, user("u")), at(storage{Kind: "azure", Cloud: "Global"}, user("v")), ""},
		"gcs, an endpoint":          {at(storage{Kind: "gcs"}, user("u")), at(storage{Kind: "gcs", Endpoint: "http://host"}, user("u")), ""},
		"b2, another bucket":        {at(storage{Kind: "b2", Bucket: "a"}, user("u")), at(storage{Kind: "b2", Bucket: "b"}, user("u")), ""},
	} {
		if got := all.NewHost(c.at, []place.Place{c.known}); got != c.want {
			t.Errorf("%s: got %q, want %q", label, got, c.want)
		}
	}
}

const hostKeyOfTest = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIFqNbZFxVr0Wz3O6tPbAaC8Ih0tWdb6Hv0WpXk0f2cB"
