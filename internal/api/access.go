package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/gate"
)

// requestInfo is the state of one request on its way.
type requestInfo struct {
	identity   auth.Identity // zero before it is known
	token      string
	remote     string // the client's address, without a port
	visit      *gate.Visit
	extensions bool   // the request asks for Syncline's additions to v6
	manager    string // the file of declarations that the request comes from, "" for none
	oauth      bool   // failures are told in the words of OAuth as well

	sameOrigin bool   // sent by a page of this server
	access     string // the cookies' tokens, "" for none; set only for such a page
	refresh    string

	header http.Header // of the answer
	links  *linkBase   // of the version that was asked for; nil for links of v6 as they are
	asked  question
	route  string // the template of the path, "" for none
}

type infoKey struct{}

func infoFrom(ctx context.Context) *requestInfo {
	if info, ok := ctx.Value(infoKey{}).(*requestInfo); ok {
		return info
	}
	return &requestInfo{}
}

// permission is the right that an operation asks of a user's role.
type permission struct {
	allows func(syncline.Role) bool
	who    string
}

// has reports whether a user has the permission.
func (p permission) has(i auth.Identity) bool { return p.allows(i.Role) }

var (
	maySee         = permission{func(syncline.Role) bool { return true }, "every user"}
	maySynchronize = permission{syncline.Role.CanSynchronize, "administrators and operators"}
	mayRestore     = permission{syncline.Role.CanRestore, "administrators and restorers"}
	mayFollow      = permission{syncline.Role.CanFollowRestores, "administrators, operators and restorers"}
	mayManage      = permission{syncline.Role.CanManage, "administrators"}
)

// roles has the permission of every operation. NewHandler fails when one is missing.
var roles = map[string]permission{
	"ListAccounts":                        mayManage,
	"ListStorageKinds":                    maySee,
	"AddAccount":                          mayManage,
	"GetAccount":                          mayManage,
	"UpdateAccount":                       mayManage,
	"DeleteAccount":                       mayManage,
	"ListObjectStorageRepositories":       maySee,
	"AddObjectStorageRepository":          mayManage,
	"GetObjectStorageRepository":          maySee,
	"UpdateObjectStorageRepository":       mayManage,
	"DeleteObjectStorageRepository":       mayManage,
	"ListS3CompatibleBuckets":             mayManage,
	"GetS3CompatibleBucket":               mayManage,
	"ListS3CompatibleFolders":             mayManage,
	"GetS3CompatibleFolder":               mayManage,
	"ListS3Buckets":                       mayManage,
	"GetS3Bucket":                         mayManage,
	"ListS3Folders":                       mayManage,
	"GetS3Folder":                         mayManage,
	"ListAzureContainers":                 mayManage,
	"GetAzureContainer":                   mayManage,
	"ListAzureFolders":                    mayManage,
	"GetAzureFolder":                      mayManage,
	"ListGoogleBuckets":                   mayManage,
	"GetGoogleBucket":                     mayManage,
	"ListGoogleFolders":                   mayManage,
	"GetGoogleFolder":                     mayManage,
	"SignOut":                             maySee,
	"ListRepositorySnapshots":             maySee,
	"ListHiddenSnapshots":                 maySee,
	"GetDifferenceStatistics":             maySee,
	"CountBackupRepository":               maySee,
	"ListEncryptionKeys":                  maySee,
	"AddEncryptionKey":                    mayManage,
	"GetEncryptionKey":                    maySee,
	"DeleteEncryptionKey":                 mayManage,
	"ListBackupRepositories":              maySee,
	"AddBackupRepository":                 mayManage,
	"GetBackupRepository":                 maySee,
	"UpdateBackupRepository":              mayManage,
	"DeleteBackupRepository":              mayManage,
	"SynchronizeBackupRepository":         maySynchronize,
	"SynchronizeBackupRepositories":       maySynchronize,
	"ListBackupRepositorySessions":        maySee,
	"ListSynchronizeSessions":             maySee,
	"ListAllSynchronizeSessions":          maySee,
	"GetSynchronizeSession":               maySee,
	"StopSynchronizeSession":              maySynchronize,
	"ListSynchronizeSessionLogItems":      maySee,
	"WatchSynchronizeSession":             maySee,
	"ListRestorePoints":                   maySee,
	"GetRestorePoint":                     maySee,
	"ListEntries":                         maySee,
	"GetEntry":                            maySee,
	"ListDifferences":                     maySee,
	"GetDifferenceSummary":                maySee,
	"ListHistory":                         maySee,
	"GetBackupRepositoryStatistics":       maySee,
	"GetRestorePointStatistics":           maySee,
	"GetFolderSizes":                      maySee,
	"Search":                              maySee,
	"GetRestorePointContent":              mayRestore,
	"HeadRestorePointContent":             mayRestore,
	"ListRestoreTargets":                  mayRestore,
	"StartRestoreJob":                     mayRestore,
	"ListRestoreJobs":                     mayFollow,
	"GetRestoreJob":                       mayFollow,
	"StopRestoreJob":                      mayFollow,
	"ListRestoreJobLogItems":              mayFollow,
	"WatchRestoreJob":                     mayFollow,
	"ListProxies":                         maySee,
	"GetProxy":                            maySee,
	"AddProxy":                            mayManage,
	"UpdateProxy":                         mayManage,
	"RemoveProxy":                         mayManage,
	"EnableMaintenanceMode":               mayManage,
	"DisableMaintenanceMode":              mayManage,
	"RescanProxy":                         mayManage,
	"RescanProxies":                       mayManage,
	"GetRestorePointArchive":              mayRestore,
	"ListAlarms":                          maySee,
	"GetAlarm":                            maySee,
	"AcknowledgeAlarm":                    maySynchronize,
	"SilenceAlarm":                        maySynchronize,
	"ListMachines":                        maySee,
	"GetMachine":                          maySee,
	"ListJobs":                            maySee,
	"GetJob":                              maySee,
	"ListSessionsOfJob":                   maySee,
	"ListJobSessions":                     maySee,
	"GetJobSession":                       maySee,
	"ListJobSessionLogItems":              maySee,
	"ListCopyJobs":                        maySee,
	"ListRestoreSessions":                 maySee,
	"GetRestorePortalSettings":            maySee,
	"ListRbacRoles":                       maySee,
	"LogOut":                              maySee,
	"GetLicense":                          maySee,
	"GetLicenseAutoUpdate":                maySee,
	"ListLicensedUsers":                   maySee,
	"ListOrganizations":                   maySee,
	"GetOrganization":                     maySee,
	"GetOrganizationLicensingInformation": maySee,
	"ListJobsOfOrganization":              maySee,
	"ListUsedRepositories":                maySee,
	"RetireMachine":                       maySynchronize,
	"ResumeMachine":                       maySynchronize,
	"ListAlarmRules":                      maySee,
	"GetAlarmRule":                        maySee,
	"AddAlarmRule":                        mayManage,
	"UpdateAlarmRule":                     mayManage,
	"DeleteAlarmRule":                     mayManage,
	"ListNotificationChannels":            mayManage,
	"AddNotificationChannel":              mayManage,
	"GetNotificationChannel":              mayManage,
	"UpdateNotificationChannel":           mayManage,
	"DeleteNotificationChannel":           mayManage,
	"TestNotificationChannel":             mayManage,
	"ListNotificationDeliveries":          mayManage,
	"GetServiceInstance":                  maySee,
	"ListUsers":                           mayManage,
	"ListManagers":                        mayManage,
	"ReleaseManager":                      mayManage,
	"AddUser":                             mayManage,
	"GetUser":                             mayManage,
	"UpdateUser":                          mayManage,
	"DeleteUser":                          mayManage,
	"CompareUserPassword":                 mayManage,
	"ChangePassword":                      maySee,
	"UpdateEncryptionKey":                 mayManage,
	"CompareEncryptionKey":                mayManage,
	"CompareAccount":                      mayManage,
	"GetConsoleUser":                      maySee,
}

// questions are the operations that may go through whole trees, and a small repository
// can hold endless ones. A question has a time limit, and a user may ask a limited
// number at once. Search ends its page at a time limit of its own.
var questions = map[string]bool{
	"ListDifferences":               true,
	"GetDifferenceSummary":          true,
	"GetDifferenceStatistics":       true,
	"ListHistory":                   true,
	"GetBackupRepositoryStatistics": true,
	"GetRestorePointStatistics":     true,
	"CountBackupRepository":         true,
	"GetFolderSizes":                true,
	"Search":                        true,
}

// downloads are the operations that send contents for as long as it takes.
var downloads = map[string]bool{
	"GetRestorePointContent": true,
	"GetRestorePointArchive": true,
}

// errLong is the cause when a question's context ends at its time limit.
var errLong = errors.New("api: a question took too long")

// run calls the operation's handler, within the limits of its kind.
func (a *api) run(op *operation, w http.ResponseWriter, r *http.Request, info *requestInfo) {
	var err error
	switch {
	case downloads[op.id]:
		err = info.visit.Download()
	case questions[op.id], op.id == "ListEntries": // its page may hold everything below a folder
		if questions[op.id] {
			err = info.visit.Question()
		}
		if err == nil {
			ctx, cancel := context.WithTimeoutCause(r.Context(), a.QuestionTime, errLong)
			defer cancel()
			r = r.WithContext(ctx)
		}
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	op.handler(w, r)
}

// admit lets a request through to its operation, or returns the reason why not.
func (a *api) admit(op *operation, r *http.Request, info *requestInfo) error {
	info.readCookies(r, a.cookies)
	if op.public() {
		info.visit.Stranger()
		return nil
	}
	return a.identify(r, info, roles[op.id])
}

// identify finds the user of a request, and fails without one who has the permission.
func (a *api) identify(r *http.Request, info *requestInfo, need permission) error {
	token, err := info.accessToken(r.Header)
	if err != nil {
		return err
	}
	identity, err := a.Auth.Authenticate(r.Context(), token)
	if err != nil {
		return err
	}
	info.identity, info.token = identity, token
	if err := info.visit.SignIn(identity.UserName); err != nil {
		return err
	}
	if _, err := syncline.ParseRole(string(identity.Role)); err != nil {
		return syncline.Errorf(syncline.CodeForbidden, "your user has no role; ask an administrator for one")
	}
	if !need.allows(identity.Role) {
		return syncline.Errorf(syncline.CodeForbidden,
			"this needs another role than %s; only %s may do it", identity.Role, need.who)
	}
	return nil
}

// bearerToken returns the access token of a request.
func bearerToken(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 1 {
		scheme, token, _ := strings.Cut(values[0], " ")
		if token = strings.Trim(token, " "); token != "" && equalFoldASCII(scheme, "Bearer") {
			return token, nil
		}
	}
	return "", syncline.Errorf(syncline.CodeUnauthenticated,
		"an access token is needed; get one with POST /v6/token and send it as Authorization: Bearer <token>")
}
