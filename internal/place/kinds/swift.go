package kinds

import (
	"cmp"
	"context"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/swift"
)

// swiftKind is OpenStack's object store, and every server with its protocol.
var swiftKind = place.Kind{
	Scheme: "swift", Form: "swift:CONTAINER:/FOLDER",
	Stored: []place.Stored{{
		Kind: syncline.KindSwift, AccountType: "openStackSwiftAccount", StorageType: "OpenStackSwift",
		Title: "OpenStack Swift", Help: "OpenStack's object store, and servers with its protocol, such as Ceph.", Example: "swift:container:/folder",
		Methods: []place.Method{swiftPassword, swiftApplication},
	}},
	Variables: []string{
		"OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET",
		"OS_STORAGE_URL", "OS_AUTH_TOKEN", "ST_AUTH", "ST_USER", "ST_KEY",
	},
	Options: map[string]place.Option{"connections": {Type: place.Number, Does: "most requests at once"}},
	Parse:   parseSwift, Print: printContainer, Key: keyOfSwift, Identity: swiftIdentity,
	Hosts: func(p place.Place) []string { return []string{place.Origin(p.Access.Account.Settings[authURL])} },
	Open: func(ctx context.Context, p place.Place, n place.Network) (storage.Storage, error) {
		c, err := swiftConfig(p, n)
		if err != nil {
			return nil, err
		}
		st, err := swift.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		return st, nil
	},
	Browse: func(ctx context.Context, p place.Place, n place.Network) (place.Browser, error) {
		c, err := swiftConfig(p, n)
		if err != nil {
			return nil, err
		}
		client, err := swift.Connect(ctx, c)
		if err != nil {
			return nil, err
		}
		return client, nil
	},
}

// parseSwift reads "CONTAINER:/FOLDER". restic wants the slash.
func parseSwift(rest string) (place.Place, error) {
	container, folder, _ := strings.Cut(rest, ":")
	folder, slash := strings.CutPrefix(folder, "/")
	switch {
	case !slash:
		return place.Place{}, invalid("the repository's address must have a colon and a slash after the container, like swift:CONTAINER:/FOLDER")
	case container == "" || strings.Contains(container, "/"):
		return place.Place{}, invalid("the repository's address names no container; it must be like swift:CONTAINER:/FOLDER")
	case strings.HasPrefix(folder, "/"):
		return place.Place{}, invalid("the repository's address has two slashes after the container; names that begin with a slash are not supported")
	}
	folder, err := cleanFolder(folder)
	return place.Place{Storage: syncline.ObjectStorage{Kind: syncline.KindSwift, Bucket: container, Folder: folder}}, err
}

// keyOfSwift names the account that holds the container. Only its identity service
// knows it, so that all that chooses an account counts.
func keyOfSwift(u *place.User) string {
	c := userOfSwift(u)
	return "\n" + strings.Join([]string{
		cmp.Or(c.AuthURL, c.StorageURL), c.Region, cmp.Or(c.TenantID, c.Tenant), cmp.Or(c.TenantDomainID, c.TenantDomain), c.TrustID,
		cmp.Or(c.UserID, c.UserName), cmp.Or(c.DomainID, c.Domain), cmp.Or(c.ApplicationID, c.ApplicationName),
	}, "\n")
}

func swiftConfig(p place.Place, n place.Network) (swift.Config, error) {
	s := p.Storage
	c := swift.Config{Container: s.Bucket, Prefix: s.Folder, CA: n.CA, DenyPrivate: n.DenyPrivate, Client: n.Client}
	u := p.Access.User
	if u == nil {
		c.Credentials = accountOfSwift(p.Access)
		return c, nil
	}
	c.Credentials = userOfSwift(u)
	if c.AuthURL == "" && (c.StorageURL == "" || c.AuthToken == "") {
		return c, invalid("OS_AUTH_URL is not set; it is the address of the identity service that opens the container, and ST_AUTH is where it signs in by its first version")
	}
	return c, nil
}

// swiftPassword signs a user in, by any version of the protocol.
var swiftPassword = place.Method{
	Name: "password", Title: "User and password", Help: "A user of the identity service, by any version of its protocol.",
	UserName: place.Field{Name: place.UserName, Title: "User name", Help: "the user's name; by v1 it is like ACCOUNT:USER", Required: true},
	Fields: []place.Field{
		swiftService,
		{Name: "userDomain", Title: "User's domain", Help: "the name of the user's domain, which v3 needs", Example: "Default"},
		{Name: "userDomainId", Title: "ID of the user's domain", Help: "the ID of the user's domain, instead of its name"},
		{Name: "project", Title: "Project", Help: "the name of the project, which v2 calls tenant; the user's own where it is left out"},
		{Name: "projectId", Title: "ID of the project", Help: "the ID of the project, instead of its name"},
		{Name: "projectDomain", Title: "Project's domain", Help: "the name of the project's domain, where it is not the user's"},
		{Name: "projectDomainId", Title: "ID of the project's domain", Help: "the ID of the project's domain, instead of its name"},
		{Name: "trustId", Title: "ID of the trust", Help: "the ID of a trust that the user acts by"},
		swiftRegion,
	},
	Secrets: []place.Field{{Name: place.Password, Title: "Password", Help: "the user's password, or the key of v1", Required: true}},
}

// swiftApplication signs a program in, with what its user may do in one project.
var swiftApplication = place.Method{
	Name: "applicationCredential", Title: "Application credential", Help: "Credentials of a program for one project, by v3 of the protocol.",
	Fields: []place.Field{
		swiftService,
		{Name: "applicationCredentialId", Title: "ID of the credential", Help: "the ID of the application credential", Required: true},
		swiftRegion,
	},
	Secrets: []place.Field{{Name: place.Password, Title: "Secret", Help: "the secret of the application credential", Required: true}},
}

// authURL is the name of the setting with the address of the identity service.
const authURL = "authUrl"

var (
	swiftService = place.Field{
		Name: authURL, Title: "Identity service", Help: "the address of the identity service, which names the version of its protocol",
		Example: "https://keystone.example:5000/v3", Required: true, Check: swift.CheckAuthURL,
	}
	swiftRegion = place.Field{Name: "region", Title: "Region", Help: "the region of the object store; the first one where it is left out"}
)

func accountOfSwift(by place.Access) swift.Credentials {
	given := by.Account.Settings
	c := swift.Credentials{AuthURL: given[authURL], Region: given["region"]}
	password := by.Secrets[place.Password].Reveal()
	if by.Account.Method == swiftApplication.Name {
		c.ApplicationID, c.ApplicationSecret = given["applicationCredentialId"], password
		return c
	}
	c.UserName, c.Password = by.Account.UserName, password
	c.Domain, c.DomainID = given["userDomain"], given["userDomainId"]
	c.Tenant, c.TenantID = given["project"], given["projectId"]
	c.TenantDomain, c.TenantDomainID, c.TrustID = given["projectDomain"], given["projectDomainId"], given["trustId"]
	return c
}

// swiftIdentity counts the project, because a container's name is its own. Without a
// project it is the user's.
func swiftIdentity(p place.Place) string {
	c, s := accountOfSwift(place.Access{Account: p.Access.Account}), p.Storage
	return strings.Join([]string{
		"swift", place.HostOf(c.AuthURL), c.Region, cmp.Or(c.TenantID, c.Tenant, c.UserName, c.ApplicationID), s.Bucket, s.Folder,
	}, "\x00")
}

// userOfSwift takes an account from the environment, as restic does.
func userOfSwift(u *place.User) swift.Credentials {
	first := func(names ...string) string {
		for _, name := range names {
			if value := u.Getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	return swift.Credentials{
		AuthURL: first("OS_AUTH_URL", "ST_AUTH"), UserName: first("OS_USERNAME", "ST_USER"), Password: first("OS_PASSWORD", "ST_KEY"),
		UserID: first("OS_USER_ID"), Domain: first("OS_USER_DOMAIN_NAME"), DomainID: first("OS_USER_DOMAIN_ID"), Region: first("OS_REGION_NAME"),
		Tenant: first("OS_PROJECT_NAME", "OS_TENANT_NAME"), TenantID: first("OS_TENANT_ID"),
		TenantDomain: first("OS_PROJECT_DOMAIN_NAME"), TenantDomainID: first("OS_PROJECT_DOMAIN_ID"), TrustID: first("OS_TRUST_ID"),
		ApplicationID: first("OS_APPLICATION_CREDENTIAL_ID"), ApplicationName: first("OS_APPLICATION_CREDENTIAL_NAME"),
		ApplicationSecret: first("OS_APPLICATION_CREDENTIAL_SECRET"),
		StorageURL:        first("OS_STORAGE_URL"), AuthToken: first("OS_AUTH_TOKEN"),
	}
}
