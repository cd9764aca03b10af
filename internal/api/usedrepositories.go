package api

import (
	"context"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// usedRepositories answers for the space that an organization takes in repositories. The
// one organization takes all of it.
type usedRepositories struct {
	repositories Repositories
	sizes        repositorySizes
	checks       checkReader
	instance     Instance
}

// ListUsedRepositories answers GET /v6/Organizations/{organizationId}/usedRepositories.
// Only the repositories that the page shows are counted.
func (h *usedRepositories) ListUsedRepositories(ctx context.Context, req v6.ListUsedRepositoriesRequestObject) (v6.ListUsedRepositoriesResponseObject, error) {
	if err := knownOrganization(ctx, h.instance, req.OrganizationID); err != nil {
		return nil, err
	}
	checks := h.checks.LastChecks()
	all, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	limit, offset := jobPage(req.Params.Limit, req.Params.Offset)
	soon, cancel := context.WithTimeout(ctx, usedTimeout)
	defer cancel()
	return v6.ListUsedRepositories200JSONResponse{
		Offset: offset, Limit: limit, TotalCount: len(all),
		Results: convert(cut(all, limit, offset), func(r syncline.Repository) v6.UsedRepository { return h.usedJSON(soon, r, checks) }),
		Links:   jobPageLinks(usedRepositoriesLink(req.OrganizationID).Href, limit, offset, len(all)),
	}, ctx.Err()
}

func (h *usedRepositories) usedJSON(ctx context.Context, r syncline.Repository, checks lastChecks) v6.UsedRepository {
	used := packedSize(ctx, h.sizes, r.ID)
	answer := v6.UsedRepository{
		UsedSpaceBytes: used, ObjectStorageUsedSpaceBytes: used, Details: plain(r.Name),
		Links: v6.UsedRepositoryLinks{BackupRepository: repositoryLink(r.ID)},
	}
	if r.ObjectStorageID == "" {
		answer.ObjectStorageUsedSpaceBytes = new(int64)
	}
	if last, _ := checks(r.ID); last.Result != "" {
		readable := last.Result != syncline.CheckFailed
		answer.IsAvailable = &readable
	}
	return answer
}

func usedRepositoriesLink(organization syncline.ID) v6.Link {
	return v6.Link{Href: organizationLink(organization).Href + "/usedRepositories"}
}
