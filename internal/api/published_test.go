package api

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"syncline.dev/syncline/internal/published"
)

// descriptions are the published ones that every answer in these tests is held against, by
// the first part of the path.
var descriptions = sync.OnceValue(func() map[string]*published.Description {
	all := make(map[string]*published.Description)
	for _, version := range []string{"v6", "v7", "v8"} {
		d, err := published.Read("testdata", version)
		if err != nil {
			panic(err)
		}
		all[version] = d
	}
	return all
})

// moreThanPublished matches a query or a body that names a kind of storage beyond those of
// the descriptions, or asks for all.
var moreThanPublished = regexp.MustCompile(`(?i)extensions=true|google|memoryAccount|openStackSwiftAccount|"Memory"`)

// checkAgainstPublished checks that the answer to an operation of a published description
// is as that says.
func (w *world) checkAgainstPublished(q request, a answer, res *http.Response) {
	w.t.Helper()
	r := w.api.withoutBase(res.Request)
	version, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(r.URL.Path), "/"), "/")
	d := descriptions()[version]
	if d == nil || r.Method == http.MethodHead || a.status == http.StatusNotModified {
		return
	}
	if r.Header.Get("Syncline-Extensions") != "" || moreThanPublished.MatchString(r.URL.RawQuery+q.body) {
		return // the client asks for more than the version has
	}
	operation := d.Find(r.Method, r.URL.Path)
	if operation == "" {
		return
	}
	for _, fault := range d.Check(operation, a.status, []byte(a.body)) {
		w.t.Errorf("%s %s: %s", r.Method, r.URL, fault)
	}
}

// baseType is the type of a fact without its format.
func baseType(f published.Fact) string {
	switch kind, _, _ := strings.Cut(f.Kind, ":"); {
	case strings.HasPrefix(kind, "[]"):
		return openapi3.TypeArray
	case strings.HasPrefix(kind, "{}"), strings.HasPrefix(kind, "#"):
		return openapi3.TypeObject
	default:
		return kind
	}
}

func readPublished(t testing.TB, version string) *published.Description {
	t.Helper()
	d, err := published.Read("testdata", version)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// typesOfV6 are our types that stand for those of v6 with REST before the name.
const typesOfV6 = "EncryptionKey EncryptionKeyToSend BackupRepository BackupRepositoryFromClient Credential CredentialToSend ObjectStorageRepositoryComposed " +
	"AmazonBucketS3Compatible AmazonBucketS3Aws AzureContainer AmazonFolderToReceiveS3Compatible AmazonFolderToReceiveS3Aws AzureFolderToReceive " +
	"RepositorySynchronizeSession RestorePoint ServiceInstance ExceptionInfo Proxy ProxyFromClient RemoveProxyOptions RescanOptions " +
	"Job JobSession JobStatistics License LicenseAutoUpdate OrganizationLicensingInformation RestorePortalSettings LogItem"

// namedOtherwise maps our types to those of v6 that have other names.
var namedOtherwise = map[string]string{
	"TokenResponse": "OAuthTokenResponse", "Organization": "RestOrganizationComposed", "JobSessionPage": "PageOfRESTJobSession",
	"JobLogItemPage": "PageOfRESTLogItem", "UsedRepository": "RESTOrganizationStorageSpaceUsage", "UsedRepositoryPage": "PageOfRESTOrganizationStorageSpaceUsage",
}

// TestAgainstV6 compares our document with the published one.
func TestAgainstV6(t *testing.T) {
	theirs, ours := readPublished(t, "v6"), newWorld(t).api.router.doc
	for _, name := range strings.Fields(typesOfV6) {
		compareTypes(t, name, ours.Components.Schemas[name].Value, theirs.Types["REST"+name], strings.Fields(published.Ours["REST"+name]))
	}
	for name, other := range namedOtherwise {
		compareTypes(t, name, ours.Components.Schemas[name].Value, theirs.Types[other], nil)
	}
	for _, other := range []string{"PageOfRESTRestoreSession", "PageOfRESTLicensedUser"} {
		compareTypes(t, "NothingPage", ours.Components.Schemas["NothingPage"].Value, theirs.Types[other], nil)
	}
	for path, item := range ours.Paths.Map() {
		for method, o := range item.Operations() {
			name := method + " " + path
			switch facts := theirs.Operations[name]; {
			case facts != nil:
				compareOperations(t, name, o, facts)
			case o.OperationID != "SignOut" && o.OperationID != "UpdateEncryptionKey" && !addedPath(path):
				t.Errorf("%s is neither v6's nor known as ours", name)
			}
		}
	}
}

// addedPath tells whether a path is one that Syncline adds to v6's.
func addedPath(template string) bool {
	if strings.HasPrefix(template, "/v6/RestoreJobs/") || strings.HasPrefix(template, "/v6/Console/") || strings.HasPrefix(template, "/v6/GoogleResources/") || strings.HasPrefix(template, "/v6/Alarms/") || strings.HasPrefix(template, "/v6/Users") || strings.HasPrefix(template, "/v6/Managers") ||
		strings.HasPrefix(template, "/v6/Machines") || strings.HasPrefix(template, "/v6/AlarmRules") || strings.HasPrefix(template, "/v6/NotificationChannels/") {
		return true
	}
	for _, suffix := range []string{"/SynchronizeSessions", "/LogItems", "/Events", "/Entries", "/Entry", "/Differences", "/DifferenceSummary", "/DifferenceStatistics", "/Snapshots", "/HiddenSnapshots", "/History", "/Statistics", "/Counts", "/FolderSizes", "/v6/Search", "/v6/BackupRepositories/Sync", "/Content", "/Archive", "/RestoreJobs", "/v6/RestoreTargets", "/v6/StorageKinds", "/v6/Alarms", "/v6/NotificationChannels", "/Compare", "/EnableMaintenanceMode", "/DisableMaintenanceMode"} {
		if strings.HasSuffix(template, suffix) {
			return true
		}
	}
	return false
}

// ofV6 returns the types of accounts or of storages that v6 knows.
func ofV6(property string) []string {
	names := []string{"AmazonS3Glacier", "AzureBlobArchive"} // known, and refused
	if property == "accountType" {
		names = nil
	}
	for _, s := range allKinds.AllStored() {
		switch {
		case isExtension(s.Kind):
		case property == "accountType":
			names = append(names, s.AccountType)
		default:
			names = append(names, s.StorageType)
		}
	}
	slices.Sort(names)
	return names
}

// sentByClients tells whether a type is the body of a request.
func sentByClients(name string) bool {
	return strings.HasSuffix(name, "FromClient") || strings.HasSuffix(name, "ToSend") || strings.HasSuffix(name, "Composed")
}

func compareTypes(t *testing.T, name string, ours *openapi3.Schema, theirs map[string]published.Fact, extra []string) {
	t.Helper()
	if len(theirs) == 0 {
		t.Errorf("v6 has no type for %s", name)
	}
	for property, ref := range ours.Properties {
		other, ok := theirs[property]
		if slices.Contains(extra, property) {
			if ok {
				t.Errorf("%s.%s is not ours, but v6's", name, property)
			}
			continue
		}
		if !ok {
			t.Errorf("%s.%s is not in v6", name, property)
			continue
		}
		mine := ref.Value
		if len(mine.AllOf) == 1 {
			mine = mine.AllOf[0].Value
		}
		if !mine.Type.Is(baseType(other)) {
			t.Errorf("%s.%s is %v, in v6 %s", name, property, mine.Type, other.Kind)
		}
		taken := sorted(mine.Enum)
		if name+"."+property == "Credential.accountType" || name+"."+property == "CredentialToSend.accountType" || name+"."+property == "ObjectStorageRepositoryComposed.type" {
			taken = ofV6(property) // the tables of the kinds have the values
		}
		if len(other.Values) > 0 && fmt.Sprint(taken) != fmt.Sprint(other.Values) {
			t.Errorf("%s.%s takes %v, in v6 %v", name, property, mine.Enum, other.Values)
		}
	}
	if !sentByClients(name) {
		return
	}
	for _, property := range slices.Sorted(maps.Keys(theirs)) {
		if ours.Properties[property] == nil {
			t.Errorf("%s lacks %s of v6", name, property)
		}
	}
	for _, property := range ours.Required {
		if !theirs[property].Has("required") && name+" "+property != "EncryptionKeyToSend password" { // a key is nothing else
			t.Errorf("%s requires %s, which v6 does not", name, property)
		}
	}
}

func compareOperations(t *testing.T, where string, ours *openapi3.Operation, theirs map[string]published.Fact) {
	t.Helper()
	for fact := range theirs {
		switch kind, name, _ := strings.Cut(fact, " "); kind {
		case "answer":
			if ours.Responses.Value(name) == nil {
				t.Errorf("%s: v6 answers %s", where, name)
			}
		case "body":
			if ours.RequestBody == nil {
				t.Errorf("%s: v6 takes a body of %s", where, name)
			}
		case "parameter":
			in, name, _ := strings.Cut(name, " ")
			if in == "query" && ours.Parameters.GetByInAndName(in, name) == nil {
				t.Errorf("%s lacks the query parameter %s", where, name)
			}
		}
	}
}

func sorted(values []any) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = fmt.Sprint(v)
	}
	slices.Sort(names)
	return names
}
