package published

// Ours holds the properties that Syncline adds to the published types. A version that has
// such a property itself goes by its description.
var Ours = map[string]string{
	"RESTEncryptionKey": "managedBy", "RESTEncryptionKeyToSend": "managedBy",
	"RESTBackupRepository":           "copyOf managedBy synchronization lastCheckTime lastCheckResult lastCheckError nextCheckTime isProxyBound immutability",
	"RESTBackupRepositoryFromClient": "isProxyBound copyOf managedBy synchronization lastCheckTime lastCheckResult lastCheckError nextCheckTime immutability isLongTerm isOutOfSync capacityBytes freeSpaceBytes _links",
	"RESTCredential":                 "maxConnections limitDownloadKBs managedBy method settings",
	"RESTCredentialToSend":           "maxConnections limitDownloadKBs managedBy method settings secrets",
	"RESTAccount":                    "maxConnections limitDownloadKBs managedBy method settings",

	"RESTObjectStorageRepositoryComposed": "googleBucket googleFolder managedBy address settings",
	"RESTObjectStorageComposed":           "googleBucket googleFolder managedBy address settings name description",

	"RESTAzureContainer":               "endpoint",
	"RESTRepositorySynchronizeSession": "result startTime endTime statistics waitingReason",
	"RESTRestorePoint":                 "hostName paths tags snapshotId isIncomplete missingFolders isLost firstSeenTime timeMark",
	"RESTServiceInstance":              "warnings",
	"RESTExceptionInfo":                "confirm error error_description",
	"RESTProxy":                        signs,
	"RESTProxyFromClient":              "type status _links " + signs,
	"RESTJobSession":                   "repositoryId",
	"RESTLogItem":                      "level message",
}

// signs are what Syncline tells of a node.
const signs = "version address maintenanceModeState startTime lastSeenTime sessionsRunning restoresRunning workQueued cpuUsagePercent memoryBytes"
