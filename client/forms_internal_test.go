package client

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// forms are the types that are read from answers and written into requests, by the
// names of their schemas in the server's document. The types of the domain are
// checked where they are declared.
var forms = map[string]any{
	"BackupRepository": Repository{}, "Synchronization": Synchronization{}, "EncryptionKey": EncryptionKey{}, "ServiceInstance": Instance{}, "Proxy": Proxy{},
	"RepositorySynchronizeSession": Session{}, "LogItem": LogItem{}, "LogItemPage": logPage{}, "RestoreLogItem": LogItem{}, "RestoreLogItemPage": logPage{},
	"NotificationChannel": Channel{}, "NotificationChannelFromClient": channelToSend{}, "EmailSettings": EmailSettings{}, "WebhookSettings": WebhookSettings{},
	"AlertmanagerSettings": AlertmanagerSettings{}, "ChatSettings": ChatSettings{}, "HeartbeatSettings": HeartbeatSettings{}, "NotificationDigest": ChannelDigest{},
	"NotificationTest": ChannelTest{}, "NotificationDelivery": Delivery{}, "NotificationAlarm": DeliveredAlarm{}, "NotificationDeliveryPage": deliveryPageJSON{},
	"Alarm": Alarm{}, "AlarmPage": alarmPageJSON{}, "RestoreTarget": RestoreTarget{}, "RestoreJobFromClient": newRestoreJSON{}, "RestoreJob": restoreJobJSON{},
	"Credential": Account{}, "ObjectStorageRepositoryComposed": ObjectStorage{}, "AmazonBucketS3Aws": S3Bucket{},
	"AmazonBucketS3Compatible": S3CompatibleBucket{}, "AzureContainer": AzureContainer{}, "GoogleBucket": GoogleBucket{},
	"AmazonFolderToReceiveS3Aws": StorageFolder{}, "AmazonFolderToReceiveS3Compatible": StorageFolder{},
	"AzureFolderToReceive": StorageFolder{}, "GoogleFolder": StorageFolder{},
	"RestorePoint": pointJSON{}, "RepositorySnapshot": snapshotJSON{}, "ResticSnapshot": resticJSON{}, "HiddenSnapshot": hiddenJSON{},
	"Entry": entryJSON{}, "EntryAttribute": attributeJSON{}, "EntryPage": entryPageJSON{}, "Version": versionJSON{}, "VersionPage": versionPageJSON{},
	"Difference": differenceJSON{}, "DifferencePage": differencePageJSON{}, "DifferenceSummary": differenceSummaryJSON{},
	"FolderDifference": folderDifferenceJSON{}, "DifferenceStatistics": DifferenceStatistics{}, "DifferenceSide": SideCounts{},
	"FoundVersion": foundJSON{}, "SearchPage": searchPageJSON{}, "NotSearched": NotSearched{},
	"BackupRepositoryStatistics": RepositoryStatistics{}, "RepositoryTotals": RepositoryTotals{}, "RestorePointGrowth": RestorePointGrowth{},
	"RestorePointStatistics": pointStatisticsJSON{}, "LargeFile": sizedPathJSON{}, "LargeFolder": sizedPathJSON{}, "FileKind": KindSize{},
	"FolderSize": folderSizeJSON{}, "FolderRest": FolderRest{}, "RepositoryCounts": Counts{},
	"StorageKind": StorageKind{}, "StorageMethod": StorageMethod{}, "StorageField": StorageField{}, "AccountSecretsToCompare": secretsJSON{},
	"User": User{}, "PasswordChange": passwordChangeJSON{}, "SecretToCompare": secretJSON{}, "SecretComparison": comparisonJSON{},
	"Manager": managerJSON{}, "EncryptionKeyChange": KeyChange{},
	"Machine": Machine{}, "MachineSeries": MachineSeries{}, "MachineSummary": MachineSummary{}, "MachinePage": machinePage{}, "AlarmRule": AlarmRule{},
	"Job": Job{}, "JobSession": JobSession{}, "JobStatistics": JobStatistics{}, "JobSessionPage": jobSessionPage{}, "JobLogItemPage": logPage{},
	"Organization": Organization{}, "UsedRepository": UsedRepository{}, "UsedRepositoryPage": usedRepositoryPage{},
}

// passedOver are properties that the client leaves aside: links, which its methods
// take the place of, what another property says too, and what is always the same.
var passedOver = map[string]string{
	"BackupRepository":                "objectStorageEncryptionEnabled isLongTerm",
	"Proxy":                           "useInternetProxy enableNetworkThrottling",
	"LogItem":                         "title endTime",
	"RestoreLogItem":                  "title endTime",
	"AlarmPage":                       "offset limit",
	"NotificationDeliveryPage":        "offset limit",
	"NotificationChannelFromClient":   "id hasSecret lastSentTime lastFailedTime lastError detachedRepositoryIds",
	"LogItemPage":                     "offset limit",
	"RestoreLogItemPage":              "offset limit",
	"AmazonBucketS3Aws":               "regionName",
	"ObjectStorageRepositoryComposed": "amazonArchiverAppliance azureArchiverAppliance azureServiceAccount azureSubscription glacierDeepArchiveEnabled iaStorageClassEnabled sizeLimitEnabled sizeLimitGB useArchiverAppliance freeSpaceBytes",
	"RestorePoint":                    "isExchange isSharePoint isOneDrive isTeams isLongTermCopy isRetrieved isIncomplete",
	"ResticSnapshot":                  "short_id",
	"EncryptionKeyChange":             "id managedBy",
	"Entry":                           "mode",
	"EntryPage":                       "path rawPath total offset",
	"DifferencePage":                  "missingFolders",
	"MachinePage":                     "offset limit",
	"Job":                             "backupType",
	"JobSession":                      "progress",
	"JobStatistics":                   "bottleneck",
	"JobSessionPage":                  "offset limit",
	"JobLogItemPage":                  "offset limit totalCount",
	"Organization":                    "type officeName firstBackuptime",
	"UsedRepository":                  "localCacheUsedSpaceBytes",
	"UsedRepositoryPage":              "offset limit",
}

// notAnswered are fields that only one of the two schemas of a type has.
var notAnswered = map[string]string{
	"LargeFile": "files", "LargeFolder": "modified", "FolderRest": "missingFolders",
}

// The types have the properties of the document, and no others.
func TestFormsOfTheDocument(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../internal/api/v6/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range forms {
		schema := doc.Components.Schemas[name]
		if schema == nil {
			t.Errorf("the document has no schema %s", name)
			continue
		}
		there := make(map[string]bool)
		properties(schema.Value, there)
		delete(there, "_links")
		for _, passed := range strings.Fields(passedOver[name]) {
			if !there[passed] {
				t.Errorf("%s has no property %s to pass over", name, passed)
			}
			delete(there, passed)
		}
		own := fieldsOf(reflect.TypeOf(form))
		for _, field := range own {
			if !there[field] && !slices.Contains(strings.Fields(notAnswered[name]), field) {
				t.Errorf("%s has no property %s, which %T has", name, field, form)
			}
			delete(there, field)
		}
		for left := range there {
			t.Errorf("%T leaves out %s of %s", form, left, name)
		}
	}
}

func properties(s *openapi3.Schema, to map[string]bool) {
	for name := range s.Properties {
		to[name] = true
	}
	for _, part := range s.AllOf {
		properties(part.Value, to)
	}
}

// fieldsOf returns the names that a type's fields have in JSON.
func fieldsOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fieldsOf(f.Type)...)
		case name == "":
			names = append(names, "no name of "+f.Name)
		default:
			names = append(names, name)
		}
	}
	return names
}

// Paths that JSON cannot carry come back as they went.
func TestRestorePaths(t *testing.T) {
	job := NewRestoreJob{TargetPath: "/srv/x", Paths: []string{"/a", "/b\xff", "/c \ufffd"}, Overwrite: "Never", Verify: true}
	raw, err := json.Marshal(restoreJobJSON{newRestoreJSON: job.json()})
	if err != nil {
		t.Fatal(err)
	}
	var x restoreJobJSON
	if err := json.Unmarshal(raw, &x); err != nil {
		t.Fatal(err)
	}
	got := x.job().NewRestoreJob
	slices.Sort(got.Paths)
	if !reflect.DeepEqual(got, job) {
		t.Errorf("%+v became %+v in %s", job, got, raw)
	}
}
