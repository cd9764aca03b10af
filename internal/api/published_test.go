package api

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// published is what testdata holds of a published description: a table of its
// facts, which scripts/contractfacts makes and describes.
type published struct {
	operations map[string]map[string]publishedFact // by method and path; then by kind and name
	types      map[string]map[string]publishedFact // by type; then by property
}

type publishedFact struct {
	kind, marks string
	values      []string
}

// base is the type without its format.
func (f publishedFact) base() string {
	switch kind, _, _ := strings.Cut(f.kind, ":"); {
	case strings.HasPrefix(kind, "[]"):
		return openapi3.TypeArray
	case strings.HasPrefix(kind, "{}"), strings.HasPrefix(kind, "#"):
		return openapi3.TypeObject
	default:
		return kind
	}
}

func (f publishedFact) has(mark string) bool {
	return slices.Contains(strings.Fields(f.marks), mark)
}

func readPublished(t *testing.T, version string) *published {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + version + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	p := &published{make(map[string]map[string]publishedFact), make(map[string]map[string]publishedFact)}
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 6 {
			t.Fatalf("%q has %d fields", line, len(f))
		}
		in, name := p.operations, f[0]+" "+f[2]
		if f[0] == "property" || f[0] == "type" {
			in, name = p.types, f[2]
		}
		if in[f[1]] == nil {
			in[f[1]] = make(map[string]publishedFact)
		}
		in[f[1]][name] = publishedFact{f[3], f[4], strings.Fields(f[5])}
	}
	if len(p.operations) < 40 || len(p.types) < 40 {
		t.Fatalf("%s has %d operations and %d types", version, len(p.operations), len(p.types))
	}
	return p
}

// ourSigns are what Syncline tells of a node.
const ourSigns = "version address maintenanceModeState startTime lastSeenTime sessionsRunning restoresRunning workQueued cpuUsagePercent memoryBytes"

// typesOfV6 maps our types to those of v6 that they stand for, with the
// properties that Syncline adds.
var typesOfV6 = map[string]string{
	"EncryptionKey": "managedBy", "EncryptionKeyToSend": "managedBy", "BackupRepository": "copyOf managedBy synchronization lastCheckTime lastCheckResult lastCheckError nextCheckTime isProxyBound immutability", "BackupRepositoryFromClient": "isProxyBound copyOf managedBy synchronization lastCheckTime lastCheckResult lastCheckError nextCheckTime immutability isLongTerm isOutOfSync capacityBytes freeSpaceBytes _links",
	"Credential": "maxConnections limitDownloadKBs managedBy method settings", "CredentialToSend": "maxConnections limitDownloadKBs managedBy method settings secrets", "ObjectStorageRepositoryComposed": "googleBucket googleFolder managedBy address settings", "AmazonBucketS3Compatible": "",
	"AmazonBucketS3Aws": "", "AzureContainer": "endpoint", "AmazonFolderToReceiveS3Compatible": "",
	"AmazonFolderToReceiveS3Aws": "", "AzureFolderToReceive": "",
	"RepositorySynchronizeSession": "result startTime endTime statistics waitingReason",
	"RestorePoint":                 "hostName paths tags snapshotId isIncomplete missingFolders isLost firstSeenTime timeMark", "ServiceInstance": "warnings", "ExceptionInfo": "confirm",
	"Proxy": ourSigns, "ProxyFromClient": "type status _links " + ourSigns, "RemoveProxyOptions": "", "RescanOptions": "",
	"Job": "", "JobSession": "repositoryId", "JobStatistics": "", "License": "", "LicenseAutoUpdate": "", "OrganizationLicensingInformation": "",
	"RestorePortalSettings": "", "LogItem": "level message",
}

// namedOtherwise maps our types to those of v6 that have other names.
var namedOtherwise = map[string]string{
	"TokenResponse": "OAuthTokenResponse", "Organization": "RestOrganizationComposed", "JobSessionPage": "PageOfRESTJobSession",
	"JobLogItemPage": "PageOfRESTLogItem",
}

// TestAgainstV6 compares our document with the published one.
func TestAgainstV6(t *testing.T) {
	theirs, ours := readPublished(t, "v6"), newWorld(t).api.router.doc
	for name, extra := range typesOfV6 {
		compareTypes(t, name, ours.Components.Schemas[name].Value, theirs.types["REST"+name], strings.Fields(extra))
	}
	for name, other := range namedOtherwise {
		compareTypes(t, name, ours.Components.Schemas[name].Value, theirs.types[other], nil)
	}
	for _, other := range []string{"PageOfRESTRestoreSession", "PageOfRESTLicensedUser"} {
		compareTypes(t, "NothingPage", ours.Components.Schemas["NothingPage"].Value, theirs.types[other], nil)
	}
	for path, item := range ours.Paths.Map() {
		for method, o := range item.Operations() {
			name := method + " " + path
			switch facts := theirs.operations[name]; {
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

func compareTypes(t *testing.T, name string, ours *openapi3.Schema, theirs map[string]publishedFact, extra []string) {
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
		if !mine.Type.Is(other.base()) {
			t.Errorf("%s.%s is %v, in v6 %s", name, property, mine.Type, other.kind)
		}
		taken := sorted(mine.Enum)
		if name+"."+property == "Credential.accountType" || name+"."+property == "CredentialToSend.accountType" || name+"."+property == "ObjectStorageRepositoryComposed.type" {
			taken = ofV6(property) // the tables of the kinds have the values
		}
		if len(other.values) > 0 && fmt.Sprint(taken) != fmt.Sprint(other.values) {
			t.Errorf("%s.%s takes %v, in v6 %v", name, property, mine.Enum, other.values)
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
		if !theirs[property].has("required") && name+" "+property != "EncryptionKeyToSend password" { // a key is nothing else
			t.Errorf("%s requires %s, which v6 does not", name, property)
		}
	}
}

func compareOperations(t *testing.T, where string, ours *openapi3.Operation, theirs map[string]publishedFact) {
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
