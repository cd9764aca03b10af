package api

import (
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"syncline.dev/syncline"
)

// table7 is what v7 has otherwise than v6.
var table7 = faceTable{
	types: map[string]typeChange{
		"Job": {add: []addedField{{
			name: "lastBackup", after: "nextRun", schema: `{type: string, format: date-time, nullable: true, description: The same as lastRun.}`,
			tell: func(_ *view, o *object) (any, error) { return orLeftOut(o.get("lastRun")), nil },
		}}},
		"JobSession": {add: []addedField{{
			name: "jobType", after: "progress", schema: `{type: string, enum: [Backup, Copy], description: 'Always ` + "`Backup`" + `, because nothing is copied here.'}`,
			tell: tellsConstant("Backup"),
		}}},
		"License": {
			drop: []string{"expirationDate", "supportExpirationDate"},
			add: []addedField{
				{name: "licenseExpires", after: "status", schema: `{type: string, format: date-time, nullable: true, description: Always null.}`, tell: tellsConstant(null)},
				{name: "gracePeriodExpires", after: "licenseExpires", schema: `{type: string, format: date-time, nullable: true, description: Always null.}`, tell: tellsConstant(null)},
			},
		},
		"ObjectStorageRepositoryComposed": {
			add: []addedField{
				{
					name: "enableImmutability", after: "freeSpaceBytes",
					schema: `{type: boolean, nullable: true, description: "Whether the storage keeps files of its repositories, as Syncline found it at its last look; null where that is not known. Syncline sets no retention, so another value than the shown one is refused."}`,
					tell:   tellImmutability, take: takeImmutability,
				},
				{
					name: "glacierInstantRetrievalEnabled", schema: `{type: boolean, nullable: true, description: Not supported.}`,
					take: takesOnly("glacierInstantRetrievalEnabled", settingUnsupported, false),
				},
			},
			tell: tellVendor, take: takeVendor,
		},
		"Proxy": {add: []addedField{{
			name: "fqdn", after: "hostName", schema: `{type: string, description: Its full name in DNS. Absent while it is not known.}`, tell: tellFullName,
		}}},
		"ProxyFromClient": {add: []addedField{{name: "fqdn", schema: givenByServer}}},
		"RestorePoint": {add: []addedField{
			{name: "isDeleted", after: "id", schema: `{type: boolean, description: "Always false, because a snapshot that is gone is not shown."}`, tell: tellsConstant(false)},
			{name: "isCopy", after: "isLongTermCopy", schema: `{type: boolean, description: "Always false, because nothing is copied here."}`, tell: tellsConstant(false)},
		}},
	},
	operations: map[string]opChange{
		"ListJobSessions": {ask: []addedParameter{
			{"jobId", schemaID, "Only those of this job.", asksJob},
			{"endTimeUpperBound", schemaTime, "Only those that ended at this time or before. It is written as `from` of the restore points.", asksUntil("endTimeUpperBound")},
		}},
		"ListOrganizations": extendedViewOff, "GetOrganization": extendedViewOff, "ListProxies": extendedViewOff, "GetProxy": extendedViewOff,
		"ListRestorePoints": {
			without: []string{"backupTime"},
			ask: []addedParameter{
				{"from", schemaTime, "Only those made at this time or later, as `2026-11-23T10:00:00Z` (ISO 8601, with or without a zone), `2026-11-23 10:00:00.000` or `2026.11.23 10:00:00`. Without a zone the time is in UTC.", asksFrom("from")},
				{"to", schemaTime, "Only those made at this time or before. It is written as `from`.", asksUntil("to")},
				{"orderAsc", schemaBool, "With `true` the oldest comes first.", asksAscending},
				{"isCopy", schemaBool, "Nothing is copied here, so `true` gives an empty page.", matchesNothingIfTrue},
				{"limit", schemaLimit, describeLimit, nil},
				{"offset", schemaOffset, describeOffset, nil},
			},
			page: &pageChange{name: "RestorePointPage", total: true, asked: true},
		},
	},
	added: []addedOperation{{
		method: "POST", path: "/token/logout", id: "LogOut", as: "SignOut",
		doc: `
tags: [Sign-in]
summary: End a sign-in
description: Ends the access token that came with the request, and every other token that comes from the same sign-in.
responses:
  '204': {description: Ended.}
  default: {$ref: '#/components/responses/Failure'}
`,
	}},
}

// The schemas of added parameters.
const (
	schemaID       = `{$ref: '#/components/schemas/Id'}`
	schemaTime     = `{type: string}`
	schemaText     = `{type: string, maxLength: 1024}`
	schemaBool     = `{type: boolean}`
	schemaLimit    = `{type: integer, format: int32, minimum: 1, default: 30}`
	schemaOffset   = `{type: integer, format: int32, minimum: 0, maximum: 1000000000, default: 0}`
	describeLimit  = "At most so many. A page has 10,000 at most, and its `limit` says so."
	describeOffset = "Leave out so many of the first."
	// givenByServer is a field of a body that comes from an answer.
	givenByServer = `{nullable: true, readOnly: true, description: Given by the server; what a client sends back of it is not looked at.}`
)

// defaultJobPage is the length of a page where the request names none.
const defaultJobPage = 30

// extendedViewOff is for operations that tell all of it only when asked.
var extendedViewOff = opChange{
	without: []string{"extendedView"},
	ask:     []addedParameter{{"extendedView", `{type: boolean, default: false}`, "With `true` all that is known. A server is told with its id, its port and its status otherwise; an organization has one view.", nil}},
}

func orLeftOut(value any) any {
	if value == nil {
		return leftOut
	}
	return value
}

func tellsConstant(value any) func(*view, *object) (any, error) {
	return func(*view, *object) (any, error) { return value, nil }
}

// takesOnly refuses a field of a body that says something, which is any other value than
// null, a zero id, an empty text, 0 and those that are named.
func takesOnly(name, why string, values ...any) func(*view, map[string]any) error {
	return func(_ *view, body map[string]any) error {
		sent := body[name]
		if sent == nil || sent == string(zeroID) || sent == "" || sent == json.Number("0") {
			return nil
		}
		for _, v := range values {
			if sent == v {
				return nil
			}
		}
		return invalid("%s cannot be honoured: %s", name, why)
	}
}

func asksJob(v *view, text string) error {
	asked(v.ctx).job = syncline.ID(text)
	return nil
}

func asksFrom(name string) func(*view, string) error {
	return func(v *view, text string) (err error) {
		asked(v.ctx).from, err = queryTime(name, &text)
		return err
	}
}

func asksUntil(name string) func(*view, string) error {
	return func(v *view, text string) error {
		until, err := queryTime(name, &text)
		asked(v.ctx).until = &until
		return err
	}
}

func asksAscending(v *view, text string) error {
	ascending, err := strconv.ParseBool(text)
	asked(v.ctx).ascending = &ascending
	return err
}

// matchesNothingIfTrue is for a filter whose true nothing here has.
func matchesNothingIfTrue(v *view, text string) error {
	on, err := strconv.ParseBool(text)
	v.empty = v.empty || on
	return err
}

// tellFullName tells the name of a server in DNS.
func tellFullName(_ *view, o *object) (any, error) {
	host, _, _ := net.SplitHostPort(o.text("address"))
	for _, name := range []string{o.text("hostName"), host} {
		if _, err := netip.ParseAddr(name); err != nil && strings.Contains(strings.Trim(name, "."), ".") {
			return name, nil
		}
	}
	return leftOut, nil
}

func tellImmutability(v *view, o *object) (any, error) {
	kept, err := v.immutable(syncline.ID(o.text("id")))
	if kept == nil {
		return null, err
	}
	return *kept, err
}

// takeImmutability takes the value that tellImmutability shows.
func takeImmutability(v *view, body map[string]any) error {
	id, _ := body["id"].(string)
	if id == "" && v.request != nil {
		id = v.request.PathValue("repositoryId")
	}
	kept, err := v.immutable(syncline.ID(strings.ToLower(id)))
	if err != nil {
		return err
	}
	return takesOnly("enableImmutability", "Syncline sets no retention at the storage; leave it out", false, deref(kept))(v, body)
}

// vendors are the types of object storage that v6 has as compatible with S3, with the
// domains of their hosts.
var vendors = map[string][]string{
	"WasabiCloud": {"wasabisys.com"},
	"IBMCloud":    {"cloud-object-storage.appdomain.cloud", "objectstorage.softlayer.net"},
}

const s3Compatible = "AmazonS3Compatible"

// vendorOf returns the type of an address of a storage that is compatible with S3.
func vendorOf(servicePoint string) string {
	host := servicePoint
	if u, err := url.Parse(servicePoint); err == nil && u.Host != "" {
		host = u.Host
	}
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	for name, domains := range vendors {
		for _, domain := range domains {
			if host == domain || strings.HasSuffix(host, "."+domain) {
				return name
			}
		}
	}
	return s3Compatible
}

// tellVendor tells the vendor of a storage that is compatible with S3.
func tellVendor(_ *view, o *object) error {
	if bucket := o.child("amazonBucketS3Compatible"); bucket != nil && o.text("type") == s3Compatible {
		o.set("type", "", vendorOf(bucket.text("servicePoint")))
	}
	return nil
}

// takeVendor takes the vendor's name for a storage that is compatible with S3.
func takeVendor(_ *view, body map[string]any) error {
	name, _ := body["type"].(string)
	if vendors[name] == nil {
		return nil
	}
	bucket, _ := body["amazonBucketS3Compatible"].(map[string]any)
	if at, _ := bucket["servicePoint"].(string); at != "" && vendorOf(at) != name {
		return invalid("type %s does not go with the host of amazonBucketS3Compatible.servicePoint; give AmazonS3Compatible", name)
	}
	body["type"] = s3Compatible
	return nil
}
