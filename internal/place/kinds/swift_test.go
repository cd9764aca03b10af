package kinds

import (
	"reflect"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/place"
)

// TestSwiftVariables gives every variable of restic's to the sign-in. The text that
// tells two places apart holds no secret.
func TestSwiftVariables(t *testing.T) {
	fields := map[string]string{
		"OS_AUTH_URL": "AuthURL", "OS_USERNAME": "UserName", "OS_PASSWORD": "Password", "OS_USER_ID": "UserID",
		"OS_USER_DOMAIN_NAME": "Domain", "OS_USER_DOMAIN_ID": "DomainID", "OS_REGION_NAME": "Region",
		"OS_PROJECT_NAME": "Tenant", "OS_TENANT_NAME": "Tenant", "OS_TENANT_ID": "TenantID",
		"OS_PROJECT_DOMAIN_NAME": "TenantDomain", "OS_PROJECT_DOMAIN_ID": "TenantDomainID", "OS_TRUST_ID": "TrustID",
		"OS_APPLICATION_CREDENTIAL_ID": "ApplicationID", "OS_APPLICATION_CREDENTIAL_NAME": "ApplicationName",
		"OS_APPLICATION_CREDENTIAL_SECRET": "ApplicationSecret", "OS_STORAGE_URL": "StorageURL", "OS_AUTH_TOKEN": "AuthToken",
		"ST_AUTH": "AuthURL", "ST_USER": "UserName", "ST_KEY": "Password",
	}
	for variable, field := range fields {
		u := place.User{Getenv: func(name string) string {
			if name == variable {
				return "value of " + variable
			}
			return ""
		}}
		if got := reflect.ValueOf(userOfSwift(&u)).FieldByName(field).String(); got != "value of "+variable {
			t.Errorf("%s gives %s %q", variable, field, got)
		}
		secret := strings.Contains("OS_PASSWORD OS_APPLICATION_CREDENTIAL_SECRET OS_AUTH_TOKEN ST_KEY", variable)
		if told := strings.Contains(keyOfSwift(&u), variable); told == secret {
			t.Errorf("%s tells two places apart: %v", variable, told)
		}
	}
}
