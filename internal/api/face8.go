package api

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"syncline.dev/syncline"
)

// table8 is what v8 has otherwise than v7.
var table8 = faceTable{
	types: map[string]typeChange{
		"AmazonBucketS3Compatible": {add: []addedField{
			{name: "trustServerCertificate", schema: schemaUnsupportedBool, take: takesOnly("trustServerCertificate", certificateUnsupported, false)},
			{name: "trustedServerCertificateThumbprint", schema: schemaUnsupportedText, take: takesOnly("trustedServerCertificateThumbprint", certificateUnsupported)},
		}},
		"BackupRepository": {
			drop: []string{"objectStorageId"},
			add: []addedField{
				poolID, organizationID,
				{name: "isOutOfOrder", after: "isOutOfSync", schema: `{type: boolean, description: Whether the last check failed. Absent before the first one.}`, tell: tellOutOfOrder},
				{name: "outOfOrderReason", after: "isOutOfOrder", schema: `{type: string, nullable: true, description: Why the last check failed.}`, tell: tellOutOfOrderReason},
				{
					name: "objectStorage", after: "path", tell: tellObjectStorage,
					schema: schemaObjectStorage,
				},
			},
		},
		"BackupRepositoryLinks": {drop: []string{"objectStorage"}},
		"BackupRepositoryFromClient": {
			drop: []string{"objectStorageId", "objectStorageCachePath"},
			add: []addedField{
				{name: "proxyPoolId", schema: schemaNullableID, take: takesOnly("proxyPoolId", poolUnsupported)},
				{name: "ignoreProxyPoolApplianceAccessValidation", schema: schemaUnsupportedBool, take: takesOnly("ignoreProxyPoolApplianceAccessValidation", settingUnsupported, false)},
				{name: "organizationId", schema: schemaNullableID, take: takeOrganization},
				{name: "isOutOfOrder", schema: givenByServer},
				{name: "outOfOrderReason", schema: givenByServer},
				{
					name: "objectStorage", take: takeObjectStorage,
					schema: schemaObjectStorage,
				},
			},
		},
		"Credential":          {add: []addedField{organizationID}},
		"CredentialToSend":    {drop: []string{"newPassword", "oldPassword"}, add: []addedField{{name: "organizationId", schema: schemaNullableID, take: takeOrganization}}},
		"EncryptionKey":       {add: []addedField{organizationID}},
		"EncryptionKeyToSend": {add: []addedField{{name: "organizationId", schema: schemaNullableID, take: takeOrganization}}},
		"EncryptionKeyChange": {add: []addedField{{name: "organizationId", schema: schemaNullableID, take: takeOrganization}}},
		"ExceptionInfo": {add: []addedField{{
			name: "errorCode", schema: `{type: string, enum: [ResourceAccessDenied, ResourceNotFound, ParameterValidationFailure, OperationConflict], description: The kind of failure. Absent for a kind that is none of these.}`,
		}}},
		"Job": {add: []addedField{organizationID}},
		"JobSession": {add: []addedField{
			{name: "jobId", after: "id", schema: schemaID, tell: tellLinked("job")},
			{name: "proxyPoolId", after: "progress", schema: schemaNullableID, tell: tellsConstant(null)},
		}},
		"JobSessionPage": withoutTotal, "JobLogItemPage": withoutTotal, "NothingPage": withoutTotal, "RestorePointPage": withoutTotal,
		"UsedRepositoryPage": withoutTotal,
		"UsedRepository": {add: []addedField{
			{name: "repositoryId", schema: schemaID, tell: tellLinked("backupRepository")},
			{name: "protectedObjectsCount", after: "details", schema: `{type: integer, format: int64, nullable: true, description: "Always null, because no objects are protected here."}`, tell: tellsConstant(null)},
		}},
		"LogItem": {drop: []string{"title"}, add: []addedField{{
			name: "type", after: "usn", schema: `{type: string, enum: [Running, Warning, Error, Success, Stop], description: 'The level; ` + "`Success`" + ` for what only informs.'}`, tell: tellLogType,
		}}},
		"ObjectStorageRepositoryComposed": {
			nullable: true, // it is a field of a repository
			drop:     []string{"name", "description", "iaStorageClassEnabled"},
			add: []addedField{
				{name: "standardIaStorageClassEnabled", schema: schemaUnsupportedBool, take: takesOnly("standardIaStorageClassEnabled", settingUnsupported, false)},
				{name: "oneZoneIaStorageClassEnabled", schema: schemaUnsupportedBool, take: takesOnly("oneZoneIaStorageClassEnabled", settingUnsupported, false)},
				{name: "enableImmutabilityGovernanceMode", schema: schemaUnsupportedBool, take: takesOnly("enableImmutabilityGovernanceMode", settingUnsupported, false)},
				{name: "immutabilityPeriodDays", schema: `{type: integer, format: int64, nullable: true, description: Not supported.}`, take: takesOnly("immutabilityPeriodDays", settingUnsupported)},
			},
			tell: dropStorageLink,
		},
		"Proxy":           {drop: []string{"threadsNumber"}, add: []addedField{poolID}},
		"ProxyFromClient": {drop: []string{"threadsNumber"}, add: []addedField{{name: "proxyPoolId", schema: schemaNullableID, take: takesOnly("proxyPoolId", poolUnsupported)}}},
	},
	operations: map[string]opChange{
		"ListObjectStorageRepositories": {absent: true}, "AddObjectStorageRepository": {absent: true}, "GetObjectStorageRepository": {absent: true},
		"UpdateObjectStorageRepository": {absent: true}, "DeleteObjectStorageRepository": {absent: true},
		"ListAccounts":           {ask: []addedParameter{ofOrganization}},
		"ListEncryptionKeys":     {ask: []addedParameter{ofOrganization}},
		"ListBackupRepositories": {ask: paged(ofOrganization, addedParameter{"proxyPoolId", schemaID, "Servers have no pools here, so any value gives an empty page.", matchesNothing}), page: &pageChange{name: "BackupRepositoryPage"}},
		"ListCopyJobs":           {ask: paged(ofOrganization), page: &pageChange{name: "CopyJobPage"}},
		"ListJobs":               {ask: paged(ofOrganization, addedParameter{"repositoryId", schemaID, "Only those in this repository.", keepsThoseWith("repositoryId")}), page: &pageChange{name: "JobPage"}},
		"ListOrganizations": {ask: paged(
			addedParameter{"msid", schemaID, "The organization is none of Microsoft's, so any value gives an empty page.", matchesNothing},
			addedParameter{"backedUpOrganizationId", schemaText, "As `msid`.", matchesNothing}), page: &pageChange{name: "OrganizationPage"}},
		"GetOrganization": {ask: []addedParameter{
			{"limit", `{type: integer, format: int32, minimum: 1}`, "A sensor in use sends it with this path, too. It changes nothing.", nil},
		}},
		"ListJobsOfOrganization": {absent: true}, // organizationId of ListJobs takes its place
		"ListProxies":            {without: []string{"extendedView"}, ask: paged(), page: &pageChange{name: "ProxyPage"}},
		"GetProxy":               {without: []string{"extendedView"}},
		"ListJobSessions": {ask: []addedParameter{
			{"status", `{type: string, enum: [Stopped, Running, Succeeded, Failed, Warning]}`, "Only those with this status. A snapshot is there when its backup has ended, so `Stopped` and `Running` give an empty page.", asksStatus},
		}},
		"ListJobSessionLogItems": {ask: []addedParameter{
			{"orderAsc", schemaBool, "With `false` the last item comes first.", asksAscending},
			{"type", `{type: string, enum: [Running, Warning, Error, Success, Stop]}`, "Only items of this type. None is `Running` or `Stop`.", asksLogType},
		}},
		"ListLicensedUsers": {ask: []addedParameter{{"backedUpOrganizationId", schemaText, "The page is empty with it and without.", nil}}},
		"ListRestorePoints": {ask: []addedParameter{
			{"groupId", schemaText, "Restore points are of files, so any value gives an empty page.", matchesNothing},
			{"siteId", schemaText, "As `groupId`.", matchesNothing},
			{"teamId", schemaID, "As `groupId`.", matchesNothing},
			{"userId", schemaText, "As `groupId`.", matchesNothing},
		}},
		"ListRestoreSessions": {ask: []addedParameter{
			{"endTimeFrom", schemaTime, "The page is empty with it and without.", checksTime("endTimeFrom")},
			{"endTimeTo", schemaTime, "As `endTimeFrom`.", checksTime("endTimeTo")},
			{"orderAsc", schemaBool, "As `endTimeFrom`.", nil},
			{"orderBy", `{type: string, enum: [CreationTime, EndTime]}`, "As `endTimeFrom`.", nil},
		}},
		"ListS3CompatibleBuckets": trustsNothing, "GetS3CompatibleBucket": trustsNothing, "ListS3CompatibleFolders": trustsNothing, "GetS3CompatibleFolder": trustsNothing,

		"AddBackupRepository":    {status: http.StatusCreated, around: attachNested},
		"UpdateBackupRepository": {status: http.StatusNoContent, around: changeNested},
		"DeleteBackupRepository": {around: deleteNested},
		"AddEncryptionKey":       {status: http.StatusCreated},
		"AddProxy":               {status: http.StatusCreated},
		"UpdateAccount":          {status: http.StatusNoContent},
		"UpdateProxy":            {status: http.StatusNoContent},
		"RemoveProxy":            {status: http.StatusNoContent},
		"RescanProxy":            {status: http.StatusNoContent},
		"RescanProxies":          {status: http.StatusNoContent},
		"StopSynchronizeSession": {status: http.StatusNoContent},
	},
	added: []addedOperation{{
		method: "GET", path: "/Health", id: "GetHealth", answer: tellHealth,
		doc: `
tags: [Installation]
summary: Tell whether the server answers
description: The same as ` + "`GET /readyz`" + ` of monitoring. It needs no token.
security: []
responses:
  '200':
    description: The state of the server.
    content:
      application/json:
        schema: {$ref: '#/components/schemas/HealthReport'}
  default: {$ref: '#/components/responses/Failure'}
`,
	}},
	schemas: map[string]string{
		"HealthReport": `
type: object
required: [status, entries]
additionalProperties: false
example: {status: Healthy, entries: {server: {status: Healthy, description: null}}}
properties:
  status: {type: string, enum: [Unhealthy, Healthy]}
  entries:
    type: object
    additionalProperties:
      type: object
      required: [status, description]
      additionalProperties: false
      properties:
        status: {type: string, enum: [Unhealthy, Healthy]}
        description: {type: string, nullable: true, description: What is wrong; null where nothing is.}
`,
	},
	words:   []string{"`objectStorageId`", "`objectStorage`"},
	failure: tellErrorCode,
}

const (
	schemaObjectStorage    = `{$ref: '#/components/schemas/ObjectStorageRepositoryComposed'}`
	schemaNullableID       = `{type: string, format: uuid, nullable: true}`
	schemaUnsupportedBool  = `{type: boolean, nullable: true, description: Not supported; false is taken too.}`
	schemaUnsupportedText  = `{type: string, nullable: true, maxLength: 1024, description: Not supported.}`
	certificateUnsupported = "the server trusts the authorities of its system; leave it out"
	poolUnsupported        = "servers have no pools here; leave it out"
)

var (
	organizationID = addedField{
		name: "organizationId", after: "id", schema: `{type: string, format: uuid, nullable: true, description: The id of the installation.}`,
		tell: func(v *view, _ *object) (any, error) { return v.installationID() },
	}
	poolID         = addedField{name: "proxyPoolId", after: "proxyId", schema: `{type: string, format: uuid, nullable: true, description: "Always null, because servers have no pools here."}`, tell: tellsConstant(null)}
	ofOrganization = addedParameter{"organizationId", schemaID, "All belongs to the one organization, which is this installation. Any other gives nothing.", matchesInstallation}
	withoutTotal   = typeChange{drop: []string{"totalCount"}}
	trustsNothing  = opChange{ask: []addedParameter{
		{"trustServerCertificate", schemaBool, "Not supported; `false` is taken too.", refusesAllBut("trustServerCertificate", "false", certificateUnsupported)},
		{"trustedServerCertificateThumbprint", schemaText, "Not supported.", refusesAllBut("trustedServerCertificateThumbprint", "", certificateUnsupported)},
	}}
)

// paged returns the parameters of a page, and others.
func paged(others ...addedParameter) []addedParameter {
	return append(others, addedParameter{"limit", schemaLimit, describeLimit, nil}, addedParameter{"offset", schemaOffset, describeOffset, nil})
}

func matchesNothing(v *view, _ string) error {
	v.empty = true
	return nil
}

func matchesInstallation(v *view, text string) error {
	id, err := v.installationID()
	v.empty = v.empty || text != string(id)
	return err
}

func keepsThoseWith(name string) func(*view, string) error {
	return func(v *view, text string) error {
		v.keeps = append(v.keeps, func(o *object) bool { return o.text(name) == text })
		return nil
	}
}

func refusesAllBut(name, taken, why string) func(*view, string) error {
	return func(_ *view, text string) error {
		if strings.EqualFold(text, taken) {
			return nil
		}
		return invalid("%s in the query cannot be honoured: %s", name, why)
	}
}

func checksTime(name string) func(*view, string) error {
	return func(_ *view, text string) error {
		_, err := queryTime(name, &text)
		return err
	}
}

func asksStatus(v *view, text string) error {
	switch text {
	case "Succeeded":
		asked(v.ctx).status = jobSuccess
	case jobFailed, jobWarning:
		asked(v.ctx).status = text
	default:
		v.empty = true
	}
	return nil
}

func asksLogType(v *view, text string) error {
	switch text {
	case "Success":
		asked(v.ctx).levels = []syncline.LogLevel{syncline.LogInfo, syncline.LogSuccess}
	case "Warning", "Error":
		asked(v.ctx).levels = []syncline.LogLevel{syncline.LogLevel(text)}
	default:
		v.empty = true
	}
	return nil
}

// takeOrganization takes the id that answers tell.
func takeOrganization(v *view, body map[string]any) error {
	id, err := v.installationID()
	if err != nil {
		return err
	}
	if text, ok := body["organizationId"].(string); ok && strings.EqualFold(text, string(id)) {
		return nil
	}
	return takesOnly("organizationId", "there is one organization, which is this installation; leave it out")(v, body)
}

func tellOutOfOrder(_ *view, o *object) (any, error) {
	result := o.text("lastCheckResult")
	if result == "" {
		return leftOut, nil
	}
	return result == string(syncline.CheckFailed), nil
}

func tellOutOfOrderReason(_ *view, o *object) (any, error) {
	if why := o.get("lastCheckError"); why != nil {
		return why, nil
	}
	return null, nil
}

// tellLinked takes the id of something from the link to it.
func tellLinked(name string) func(*view, *object) (any, error) {
	return func(_ *view, o *object) (any, error) {
		links := o.child("_links")
		if links == nil || links.child(name) == nil {
			return leftOut, nil
		}
		href := links.child(name).text("href")
		return href[strings.LastIndex(href, "/")+1:], nil
	}
}

func tellLogType(_ *view, o *object) (any, error) {
	level := o.text("level")
	if level == string(syncline.LogInfo) {
		level = string(syncline.LogSuccess)
	}
	return level, nil
}

// nestedWords name the object storage of a repository as v8 has it.
var nestedWords = strings.NewReplacer(`"objectStorageId:`, `"objectStorage:`, "path and objectStorageId", "path and objectStorage", "or objectStorageId;", "or objectStorage;")

// tellErrorCode adds the kind of a failure.
func tellErrorCode(status int, o *object) {
	codes := map[int]string{
		http.StatusBadRequest: "ParameterValidationFailure", http.StatusForbidden: "ResourceAccessDenied",
		http.StatusNotFound: "ResourceNotFound", http.StatusConflict: "OperationConflict",
	}
	if raw, ok := o.get("message").(jsontext.Value); ok {
		o.set("message", "", jsontext.Value(nestedWords.Replace(string(raw))))
	}
	if code := codes[status]; code != "" && o.get("error") == nil {
		o.set("errorCode", "message", code)
	}
}

// tellHealth answers GET /v8/Health.
func tellHealth(v *view) (any, error) {
	status, description := "Healthy", any(null)
	if v.api.Monitor != nil {
		if err := v.api.Monitor.Ready(v.ctx); err != nil {
			status, description = "Unhealthy", syncline.MessageOf(err)
		}
	}
	entry := &object{fields: []field{{"status", status}, {"description", description}}}
	return &object{fields: []field{{"status", status}, {"entries", &object{fields: []field{{"server", entry}}}}}}, nil
}
