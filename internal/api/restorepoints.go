package api

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/resticjson"
)

// RestorePoints reads the snapshots in the catalogs.
type RestorePoints interface {
	pointGetter
	// List returns the visible restore points of the repositories, in any
	// order. With several repositories, it names those without a usable catalog
	// and leaves them out. With one, that is an error: CodeConflict or
	// CodeDamaged.
	List(ctx context.Context, repositories []syncline.Repository) (points []syncline.RestorePoint, leftOut []syncline.ID, err error)
	// Hidden returns the snapshots of a repository that are there and cannot be
	// shown.
	Hidden(ctx context.Context, repository syncline.ID) ([]syncline.HiddenSnapshot, error)
}

// pointGetter finds a restore point. It fails with CodeNotFound for an id that no
// repository has, and with CodeConflict while the catalog of one that may have it
// cannot be read.
type pointGetter interface {
	Get(ctx context.Context, id syncline.ID) (syncline.RestorePoint, error)
}

// Sightings knows when restore points were first seen.
type Sightings interface {
	// Mark fills in FirstSeen and TimeMark where they are known.
	Mark(ctx context.Context, points []syncline.RestorePoint) error
}

// points answers for restore points.
type points struct {
	repositories Repositories
	points       RestorePoints
	sightings    Sightings
	instance     Instance
}

// ListRestorePoints answers GET /v6/RestorePoints.
func (h *points) ListRestorePoints(ctx context.Context, req v6.ListRestorePointsRequestObject) (v6.ListRestorePointsResponseObject, error) {
	answer := v6.ListRestorePoints200JSONResponse{}
	p := req.Params
	if deref(p.IsLongTermCopy) || deref(p.IsRetrieved) {
		return answer, nil
	}
	if p.OrganizationID != nil {
		id, err := h.instance.InstallationID(ctx)
		if err != nil || id != *p.OrganizationID {
			return answer, err
		}
	}
	since, err := queryTime("backupTime", p.BackupTime)
	if err != nil {
		return nil, err
	}
	repos, err := h.repositoriesOf(ctx, p.RepositoryID)
	if err != nil || len(repos) == 0 {
		return answer, err
	}
	points, leftOut, err := h.points.List(ctx, repos)
	if err != nil {
		return nil, err
	}
	sayIncomplete(ctx, leftOut)
	if p.JobID != nil {
		points = ofSeries(points, *p.JobID)
	}
	if q := asked(ctx); q.paged {
		points = q.page(points)
		err := h.sightings.Mark(ctx, points)
		return v6.ListRestorePoints200JSONResponse(convert(points, restorePointJSON)), err
	}
	if err := h.sightings.Mark(ctx, points); err != nil {
		return nil, err
	}
	slices.SortFunc(points, func(x, y syncline.RestorePoint) int {
		return cmp.Or(y.Snapshot.Time.Compare(x.Snapshot.Time), cmp.Compare(x.ID, y.ID))
	})
	for _, point := range points {
		if point.Snapshot.Time.Before(since) {
			continue
		}
		answer = append(answer, restorePointJSON(point))
	}
	return answer, nil
}

// GetRestorePoint answers GET /v6/RestorePoints/{restorePointId}.
func (h *points) GetRestorePoint(ctx context.Context, req v6.GetRestorePointRequestObject) (v6.GetRestorePointResponseObject, error) {
	point, err := h.points.Get(ctx, req.RestorePointID)
	if err != nil {
		return nil, err
	}
	one := []syncline.RestorePoint{point}
	if err := h.sightings.Mark(ctx, one); err != nil {
		return nil, err
	}
	return v6.GetRestorePoint200JSONResponse(restorePointJSON(one[0])), nil
}

// ListRepositorySnapshots answers GET
// /v6/BackupRepositories/{repositoryId}/Snapshots.
func (h *points) ListRepositorySnapshots(ctx context.Context, req v6.ListRepositorySnapshotsRequestObject) (v6.ListRepositorySnapshotsResponseObject, error) {
	r, err := h.repositories.Repository(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	points, _, err := h.points.List(ctx, []syncline.Repository{r})
	if err != nil {
		return nil, err
	}
	return v6.ListRepositorySnapshots200JSONResponse(convert(points, func(p syncline.RestorePoint) v6.RepositorySnapshot {
		return v6.RepositorySnapshot{RestorePointID: p.ID, Snapshot: resticjson.NewSnapshot(&p.Snapshot), MissingFolders: presentNumber(uint64(p.Missing)), IsLost: present(p.Lost)}
	})), nil
}

// ListHiddenSnapshots answers GET
// /v6/BackupRepositories/{repositoryId}/HiddenSnapshots.
func (h *points) ListHiddenSnapshots(ctx context.Context, req v6.ListHiddenSnapshotsRequestObject) (v6.ListHiddenSnapshotsResponseObject, error) {
	r, err := h.repositories.Repository(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	list, err := h.points.Hidden(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return v6.ListHiddenSnapshots200JSONResponse(convert(list, func(h syncline.HiddenSnapshot) v6.HiddenSnapshot {
		out := v6.HiddenSnapshot{SnapshotID: h.Snapshot.ID.String(), Reason: h.Reason}
		if h.Reason == syncline.HiddenDamaged {
			return out
		}
		at, host := h.Snapshot.Time.UTC(), strings.ToValidUTF8(h.Snapshot.Hostname, "\uFFFD")
		paths, tags := orEmpty(h.Snapshot.Paths), orEmpty(h.Snapshot.Tags)
		out.BackupTime, out.HostName, out.Paths, out.Tags = &at, &host, &paths, &tags
		return out
	})), nil
}

// repositoriesOf returns all repositories, or the one with the id. It returns none for
// an unknown id: a filter that matches nothing is no error.
func (h *points) repositoriesOf(ctx context.Context, id *syncline.ID) ([]syncline.Repository, error) {
	if id == nil {
		return h.repositories.Repositories(ctx)
	}
	r, err := h.repositories.Repository(ctx, *id)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []syncline.Repository{r}, nil
}

// timeForms matches the forms of time that v6's clients write.
var timeForms = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?)?)?` +
	`|(\d{4}\.\d\d\.\d\d) (\d\d:\d\d:\d\d(?:[.,]\d{1,9})?))$`)

// queryTime reads a time of the query in the forms of v6's clients. It is zero where the
// query has none.
func queryTime(name string, text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	if m := timeForms.FindStringSubmatch(*text); m != nil {
		date, clock := strings.ReplaceAll(cmp.Or(m[1], m[6]), ".", "-"), m[7]
		if m[6] == "" {
			clock = cmp.Or(m[2], "00:00") + cmp.Or(m[3], ":00")
		}
		zone := "Z"
		if m[4] != "" {
			zone = m[4] + ":" + cmp.Or(m[5], "00")
		}
		if t, err := time.Parse(time.RFC3339, date+"T"+strings.ReplaceAll(clock, ",", ".")+zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid("%s in the query must be a time like 2026-11-23T10:00:00Z, 2026-11-23 10:00:00.000 or 2026.11.23 10:00:00, "+
		"in UTC where it names no zone; write a plus sign as %%2B", name)
}

func restorePointJSON(p syncline.RestorePoint) v6.RestorePoint {
	return v6.RestorePoint{
		ID:           p.ID,
		RepositoryID: p.RepositoryID,
		BackupTime:   p.Snapshot.Time.UTC(),
		Links: v6.RestorePointLinks{
			Self:       v6.Link{Href: "/v6/RestorePoints/" + string(p.ID)},
			Repository: repositoryLink(p.RepositoryID),
		},
		HostName:   p.Snapshot.Hostname,
		Paths:      orEmpty(p.Snapshot.Paths),
		Tags:       orEmpty(p.Snapshot.Tags),
		SnapshotID: p.Snapshot.ID.String(),

		IsIncomplete: present(p.Missing > 0), MissingFolders: presentNumber(uint64(p.Missing)), IsLost: present(p.Lost),
		FirstSeenTime: timeJSON(p.FirstSeen), TimeMark: present(p.TimeMark),
	}
}

// orEmpty makes sure that a list is never null.
func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
