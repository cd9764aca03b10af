package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/watch/series"
)

// organizations answers for what v6's clients ask of an installation before they ask of
// its backups. The one organization is this installation.
type organizations struct {
	instance Instance
	nodes    nodeLister
	watch    Machines
}

// ListOrganizations answers GET /v6/Organizations.
func (h *organizations) ListOrganizations(ctx context.Context, _ v6.ListOrganizationsRequestObject) (v6.ListOrganizationsResponseObject, error) {
	one, err := h.organization(ctx)
	return v6.ListOrganizations200JSONResponse{one}, err
}

// GetOrganization answers GET /v6/Organizations/{organizationId}.
func (h *organizations) GetOrganization(ctx context.Context, req v6.GetOrganizationRequestObject) (v6.GetOrganizationResponseObject, error) {
	if err := h.known(ctx, req.OrganizationID); err != nil {
		return nil, err
	}
	one, err := h.organization(ctx)
	return v6.GetOrganization200JSONResponse(one), err
}

// GetOrganizationLicensingInformation answers GET
// /v6/Organizations/{organizationId}/LicensingInformation.
func (h *organizations) GetOrganizationLicensingInformation(ctx context.Context, req v6.GetOrganizationLicensingInformationRequestObject) (v6.GetOrganizationLicensingInformationResponseObject, error) {
	return v6.GetOrganizationLicensingInformation200JSONResponse{}, h.known(ctx, req.OrganizationID)
}

// GetLicense answers GET /v6/License.
func (h *organizations) GetLicense(ctx context.Context, _ v6.GetLicenseRequestObject) (v6.GetLicenseResponseObject, error) {
	name, err := h.name(ctx)
	return v6.GetLicense200JSONResponse{Status: "Valid", Type: "Community", LicensedTo: name}, err
}

// GetLicenseAutoUpdate answers GET /v6/License/AutoUpdate.
func (h *organizations) GetLicenseAutoUpdate(context.Context, v6.GetLicenseAutoUpdateRequestObject) (v6.GetLicenseAutoUpdateResponseObject, error) {
	return v6.GetLicenseAutoUpdate200JSONResponse{Links: v6.SelfLinks{Self: v6.Link{Href: "/v6/License/AutoUpdate"}}}, nil
}

// GetRestorePortalSettings answers GET /v6/RestorePortalSettings.
func (h *organizations) GetRestorePortalSettings(context.Context, v6.GetRestorePortalSettingsRequestObject) (v6.GetRestorePortalSettingsResponseObject, error) {
	return v6.GetRestorePortalSettings200JSONResponse{}, nil
}

// ListCopyJobs answers GET /v6/CopyJobs.
func (h *organizations) ListCopyJobs(context.Context, v6.ListCopyJobsRequestObject) (v6.ListCopyJobsResponseObject, error) {
	return v6.ListCopyJobs200JSONResponse{}, nil
}

// ListRbacRoles answers GET /v6/RbacRoles.
func (h *organizations) ListRbacRoles(context.Context, v6.ListRbacRolesRequestObject) (v6.ListRbacRolesResponseObject, error) {
	return v6.ListRbacRoles200JSONResponse{}, nil
}

// ListLicensedUsers answers GET /v6/LicensedUsers.
func (h *organizations) ListLicensedUsers(_ context.Context, req v6.ListLicensedUsersRequestObject) (v6.ListLicensedUsersResponseObject, error) {
	p := req.Params
	href := filtered("/v6/LicensedUsers", map[string]string{"organizationId": deref(p.OrganizationID), "name": deref(p.Name)})
	return v6.ListLicensedUsers200JSONResponse(nothing(href, p.Limit, p.Offset)), nil
}

// ListRestoreSessions answers GET /v6/RestoreSessions.
func (h *organizations) ListRestoreSessions(_ context.Context, req v6.ListRestoreSessionsRequestObject) (v6.ListRestoreSessionsResponseObject, error) {
	p := req.Params
	bounds := map[string]string{"startTimeFrom": deref(p.StartTimeFrom), "startTimeTo": deref(p.StartTimeTo)}
	for name, text := range bounds {
		if _, err := queryTime(name, present(text)); err != nil {
			return nil, err
		}
	}
	return v6.ListRestoreSessions200JSONResponse(nothing(filtered("/v6/RestoreSessions", bounds), p.Limit, p.Offset)), nil
}

// nothing is a page of what Syncline has none of.
func nothing(href string, limit *v6.V6Limit, offset *v6.V6Offset) v6.NothingPage {
	n, from := jobPage(limit, offset)
	return v6.NothingPage{Offset: from, Limit: n, Results: v6.NothingList{}, Links: jobPageLinks(href, n, from, 0)}
}

// known fails for an organization that is not this installation.
func (h *organizations) known(ctx context.Context, organization syncline.ID) error {
	return knownOrganization(ctx, h.instance, organization)
}

func knownOrganization(ctx context.Context, instance Instance, organization syncline.ID) error {
	id, err := instance.InstallationID(ctx)
	if err != nil || id == organization {
		return err
	}
	return syncline.Errorf(syncline.CodeNotFound, "there is no organization with the id %s; GET /v6/Organizations tells the one that there is", organization)
}

// name returns the name of the installation: that of its first server.
func (h *organizations) name(ctx context.Context) (string, error) {
	nodes, err := h.nodes.Nodes(ctx)
	if err != nil {
		return "", err
	}
	for _, n := range nodes {
		if n.HostName != "" {
			return plain(n.HostName), nil
		}
	}
	return "Syncline", nil
}

func (h *organizations) organization(ctx context.Context) (v6.Organization, error) {
	id, err := h.instance.InstallationID(ctx)
	if err != nil {
		return v6.Organization{}, err
	}
	name, err := h.name(ctx)
	if err != nil {
		return v6.Organization{}, err
	}
	all, err := h.watch.Machines(ctx, series.MachinesQuery{})
	if err != nil {
		return v6.Organization{}, err
	}
	var last time.Time
	for i := range all.Machines {
		if t := all.Machines[i].LastBackup; t.After(last) {
			last = t
		}
	}
	return v6.Organization{
		ID: id, Name: name, OfficeName: name, IsBackedup: len(all.Machines) > 0, LastBackuptime: timeJSON(last),
		Links: v6.OrganizationLinks{Self: organizationLink(id), Jobs: v6.Link{Href: "/v6/Jobs"}, UsedRepositories: usedRepositoriesLink(id)},
	}, nil
}

// watchedOnly are v6's resources that other programs, or nobody, change.
var watchedOnly = []string{
	"Jobs", "JobSessions", "CopyJobs", "Organizations", "RestoreSessions", "License", "LicensedUsers", "RbacRoles", "RestorePortalSettings",
}

// refuseChange answers a request for one of v6's operations that would change jobs, or
// data of Microsoft 365, under a path that Syncline lacks. It reports whether it was one.
func refuseChange(version string, w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	pieces := strings.Split(r.URL.EscapedPath(), "/")
	if len(pieces) < 4 || !equalFoldASCII(pieces[1], version) {
		return false
	}
	for _, name := range watchedOnly {
		if equalFoldASCII(pieces[2], name) {
			w.Header().Set("Allow", "")
			writeFailure(w, http.StatusMethodNotAllowed, "Syncline watches backups that other programs make, so nothing is changed under this path; /swagger lists every operation")
			return true
		}
	}
	return false
}
