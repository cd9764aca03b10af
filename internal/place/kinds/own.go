package kinds

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/azure"
	"syncline.dev/syncline/internal/storage/gcs"
	"syncline.dev/syncline/internal/storage/s3"
)

// Methods of signing in that several clouds have.
const (
	assumeRole       = "assumeRole"
	ownIdentity      = "ownIdentity"
	servicePrincipal = "servicePrincipal"
)

// tokenService is the name of a role's setting with the address of the token service.
const tokenService = "tokenService"

// Vendors are the clouds whose identity of this machine an operator can allow for accounts.
func Vendors() []string { return []string{"aws", "azure", "google"} }

// ownAllowed returns a check that refuses accounts with the machine's own identity, unless
// the server's operator has allowed a vendor's. Otherwise everyone who may add an account
// would have the rights of the machine.
func ownAllowed(vendor string) func(place.Access, place.Network) error {
	return func(a place.Access, n place.Network) error {
		if a.Account.Method == ownIdentity && !slices.Contains(n.OwnIdentities, vendor) {
			return invalid("method %s is not allowed on this server: it would give away the rights of the server's machine; the server's operator allows it with serve --allow-own-identity %s", ownIdentity, vendor)
		}
		return nil
	}
}

// roleFields are the settings of a role at Amazon.
func roleFields(required bool) []place.Field {
	return []place.Field{
		{Name: "roleArn", Title: "Role", Help: "the ARN of the role to assume", Example: "arn:aws:iam::123456789012:role/backup-reader", Required: required, Check: checkRole},
		{Name: "externalId", Title: "External ID", Help: "the external id that the role demands"},
		{Name: "sessionName", Title: "Session name", Help: "the name of the session in the logs of the cloud; syncline where it is left out", Check: checkSessionName},
		{Name: "tokenRegion", Title: "Region of the token service", Help: "the region of the token service; that of the bucket where it is left out", Check: checkRegion},
	}
}

func checkRole(text string) error {
	if !strings.HasPrefix(text, "arn:") || !strings.Contains(text, ":role/") || len(text) > 2048 {
		return errors.New("must be the ARN of a role, like arn:aws:iam::123456789012:role/backup-reader")
	}
	return nil
}

func checkSessionName(text string) error {
	if len(text) < 2 || len(text) > 64 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-") != "" {
		return errors.New("must have 2 to 64 letters, digits and the characters _+=,.@-")
	}
	return nil
}

func checkRegion(text string) error {
	if len(text) > 40 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return errors.New("must be the name of a region, like eu-central-1")
	}
	return nil
}

// roleMethod signs in with a role that an access key assumes.
func roleMethod(endpoint bool) place.Method {
	m := place.Method{
		Name: assumeRole, Title: "Access key with a role", Help: "An access key that assumes a role, which holds for an hour and is assumed again.",
		UserName: accessKey.UserName, Secrets: accessKey.Secrets, Fields: roleFields(true),
	}
	if endpoint {
		m.Fields = append(m.Fields, place.Field{
			Name: tokenService, Title: "Token service", Help: "the address of the token service (STS); that of Amazon for the region where it is left out", Example: "https://sts.example.com",
			Check: checkTokenService,
		})
	}
	return m
}

func checkTokenService(text string) error {
	if s3.CheckEndpoint(text) != nil {
		return errors.New("must be a host's name, with a port or https:// where needed, and nothing else")
	}
	return nil
}

// machineRole signs in with the role of the server's machine.
var machineRole = place.Method{
	Name: ownIdentity, Title: "The server's own role", Help: "The role of the server's machine, container or pod in Amazon's cloud. The server's operator has to allow it (serve --allow-own-identity aws).",
	Fields: roleFields(false),
}

// accountOfS3 takes the credentials of an account.
func accountOfS3(c *s3.Config, a place.Access) error {
	settings := a.Account.Settings
	if a.Account.Method == ownIdentity {
		// The session's token is part of each request.
		if !isAmazonS3(c.Endpoint) {
			return invalid("the server's own identity is shown to Amazon's own addresses only, over https, such as s3.eu-central-1.amazonaws.com; give an access key for another endpoint")
		}
		c.Sources = machineSources(os.Getenv, true)
		c.Sources.Required = true
	} else {
		c.AccessKey, c.SecretKey = a.Account.UserName, a.Secrets[place.Password].Reveal()
	}
	if arn := settings["roleArn"]; arn != "" {
		c.Role = &s3.Role{ARN: arn, ExternalID: settings["externalId"], SessionName: settings["sessionName"], Region: settings["tokenRegion"], Endpoint: settings[tokenService]}
		if c.Role.Region == "" {
			c.Role.Region = regionOf(c.Endpoint)
		}
	}
	return nil
}

// regionOf returns the region in one of Amazon's addresses outside of its global world, or "".
func regionOf(endpoint string) string {
	region, found := strings.CutSuffix(strings.TrimPrefix(endpoint, "s3."), ".amazonaws.com.cn")
	if !found {
		region, _ = strings.CutSuffix(strings.TrimPrefix(endpoint, "s3."), ".amazonaws.com")
	}
	if checkRegion(region) != nil {
		return ""
	}
	return region
}

// amazonS3 are the names of S3 at Amazon, with or without a region, and those of a private
// link (bucket.vpce-ID.s3.REGION.vpce). Customers choose parts of Amazon's other names, such
// as those of load balancers.
var amazonS3 = func() *regexp.Regexp {
	const region = `[a-z]{2,3}(?:-[a-z]+)+-[0-9]{1,2}`
	return regexp.MustCompile(`^(?:` +
		`s3(?:-fips|-accelerate|-external-1|-` + region + `|-fips-` + region + `)?(?:\.dualstack)?(?:\.` + region + `)?` +
		`|(?:[a-z0-9-]+\.)?vpce-[a-z0-9-]+\.s3\.` + region + `\.vpce` +
		`)\.amazonaws\.com(?:\.cn)?$`)
}()

// isAmazonS3 reports whether an endpoint is one of S3 at Amazon, over https.
func isAmazonS3(endpoint string) bool {
	name := strings.ToLower(strings.TrimPrefix(endpoint, "https://"))
	return amazonS3.MatchString(strings.TrimSuffix(name, ":443"))
}

// principalOfAzure signs in as an application.
var principalOfAzure = place.Method{
	Name: servicePrincipal, Title: "Service principal", Help: "An application in Entra with a client secret and the role Storage Blob Data Reader.",
	UserName: accountOfAzure,
	Fields: []place.Field{
		{Name: "tenantId", Title: "Tenant", Help: "the id of the tenant", Required: true, Check: checkID},
		{Name: "clientId", Title: "Application", Help: "the id of the application", Required: true, Check: checkID},
	},
	Secrets: []place.Field{{Name: place.Password, Title: "Client secret", Help: "the secret of the application", Required: true}},
}

// accountOfAzure is the field of a storage account's name.
var accountOfAzure = place.Field{Name: place.UserName, Title: "Storage account", Help: "the name of the storage account in Azure", Required: true}

// machineOfAzure signs in with the identity of the server's machine.
var machineOfAzure = place.Method{
	Name: ownIdentity, Title: "The server's own identity", Help: "The managed identity of the server's machine, or the workload identity of its pod. The server's operator has to allow it (serve --allow-own-identity azure).",
	UserName: accountOfAzure,
	Fields:   []place.Field{{Name: "clientId", Title: "Identity", Help: "the client id of the identity, where the machine has several", Check: checkID}},
}

func checkID(text string) error {
	if len(text) > 100 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != "" {
		return errors.New("must be an id of Entra, or the tenant's domain")
	}
	return nil
}

// identityOfAzure returns the identity of an account that signs in with tokens; nil for none.
func identityOfAzure(a place.Access) *azure.Identity {
	settings := a.Account.Settings
	switch a.Account.Method {
	case servicePrincipal:
		return &azure.Identity{Principal: &azure.Principal{Tenant: settings["tenantId"], Client: settings["clientId"], Secret: a.Secrets[place.Password].Reveal()}}
	case ownIdentity:
		return &azure.Identity{Machine: &azure.Machine{ClientID: settings["clientId"]}}
	}
	return nil
}

// machineOfGoogle signs in with the identity of the server's machine.
var machineOfGoogle = place.Method{
	Name: ownIdentity, Title: "The server's own account", Help: "The application default credentials of the server's machine or pod. The server's operator has to allow it (serve --allow-own-identity google).",
	Fields: []place.Field{{
		Name: "serviceAccount", Title: "Acts for", Help: "the service account that the server's own account acts for", Example: "reader@project.iam.gserviceaccount.com",
		Check: func(text string) error {
			if gcs.CheckAccount(text) != nil {
				return errors.New("must be the address of a service account like reader@project.iam.gserviceaccount.com")
			}
			return nil
		},
	}},
}
