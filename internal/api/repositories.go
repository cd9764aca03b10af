package api

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"unicode"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
)

// Repositories tells of the attached repositories, in sync or not as their
// catalogs are now. CodeNotFound is for an unknown one.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
}

// repositoryStore changes the attached repositories. The contract of the methods
// is that of store.Repositories.
type repositoryStore interface {
	AddRepository(ctx context.Context, r syncline.Repository) error
	UpdateRepository(ctx context.Context, r syncline.Repository) error
	SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error
	DeleteRepository(ctx context.Context, id syncline.ID) error
}

// attacher opens and lets go of repositories.
type attacher interface {
	// Check opens the repository at a place, and returns the id in its config. Errors are CodeWrongPassword,
	// CodeNoRepository, CodeUnsupported, CodeDamaged, CodeUnavailable, and those
	// of Places; their messages say what was found, without a local path.
	Check(ctx context.Context, at place.Place, password string) (resticID string, err error)
	// Hold stops the repository's session and calls change. No session of it starts
	// meanwhile. Hold reports whether it stopped one.
	Hold(ctx context.Context, repository syncline.ID, change func(context.Context) error) (stopped bool, err error)
	// Forget ends the repository's session, deletes its catalog and calls
	// remove, which deletes the repository. No session of it starts meanwhile:
	// Start returns CodeConflict.
	Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error
}

// repositories answers for the attached repositories.
type repositories struct {
	known    Repositories
	store    repositoryStore
	storages interface {
		ObjectStorage(ctx context.Context, id syncline.ID) (syncline.ObjectStorage, error)
	}
	sessions interface {
		RepositorySessions(ctx context.Context, repo syncline.ID, limit, offset int) ([]syncline.Session, error)
	}
	synchronizer attacher
	starter      starter
	where        *placement
	accounts     *accounts
	kinds        place.Kinds
	keys         *keys
	space        *spaceProbe
	made         *stamp
	checks       Checks
	looks        Immutability

	attaching Lock // held from the look for a place to its record
}

// Lock lets one at a time do something, on all nodes.
type Lock interface {
	// Lock waits for its turn. held is the context for what is done; unlock ends it.
	Lock(ctx context.Context) (held context.Context, unlock func(), err error)
}

// ownLock is the Lock of a node that is alone.
type ownLock struct{ mu sync.Mutex }

// Lock implements Lock.
func (l *ownLock) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	l.mu.Lock()
	return ctx, l.mu.Unlock, nil
}

// ListBackupRepositories answers GET /v6/BackupRepositories.
func (h *repositories) ListBackupRepositories(ctx context.Context, req v6.ListBackupRepositoriesRequestObject) (v6.ListBackupRepositoriesResponseObject, error) {
	answer := v6.ListBackupRepositories200JSONResponse{}
	if deref(req.Params.LongTerm) {
		return answer, nil
	}
	checks := h.checks.LastChecks()
	nodes, err := h.where.look(ctx)
	if err != nil {
		return nil, err
	}
	repos, err := h.known.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	looks, err := h.looks.Immutabilities(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[syncline.ID]*syncline.Immutability, len(looks))
	for i := range looks {
		found[looks[i].RepositoryID] = &looks[i]
	}
	for _, r := range repos {
		if p := req.Params.ProxyID; p == nil || *p == nodes.serving(r) {
			one := h.repositoryJSON(ctx, r, repos, nodes)
			last, next := checks(r.ID)
			showCheck(&one, last, next)
			one.Immutability = immutabilityJSON(r, found[r.ID])
			answer = append(answer, one)
		}
	}
	return answer, nil
}

// GetBackupRepository answers GET /v6/BackupRepositories/{repositoryId}.
func (h *repositories) GetBackupRepository(ctx context.Context, req v6.GetBackupRepositoryRequestObject) (v6.GetBackupRepositoryResponseObject, error) {
	last, next := h.checks.LastCheck(req.RepositoryID)
	r, err := h.known.Repository(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	nodes, err := h.where.look(ctx)
	if err != nil {
		return nil, err
	}
	var all []syncline.Repository
	if r.ResticID != "" {
		if all, err = h.known.Repositories(ctx); err != nil {
			return nil, err
		}
	}
	found, err := h.looks.Immutability(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	answer := h.repositoryJSON(ctx, r, all, nodes)
	showCheck(&answer, last, next)
	answer.Immutability = immutabilityJSON(r, &found)
	return v6.GetBackupRepository200JSONResponse(answer), nil
}

// AddBackupRepository answers POST /v6/BackupRepositories.
func (h *repositories) AddBackupRepository(ctx context.Context, req v6.AddBackupRepositoryRequestObject) (v6.AddBackupRepositoryResponseObject, error) {
	if err := refuse(req.Body, ""); err != nil {
		return nil, err
	}
	nodes, err := h.where.look(ctx)
	if err != nil {
		return nil, err
	}
	r := syncline.Repository{ID: h.made.newID(), CreatedAt: h.made.now().UTC(), OutOfSync: true, ManagedBy: infoFrom(ctx).manager}
	if err := merge(&r, req.Body); err != nil {
		return nil, err
	}
	if err := nodes.placed(nil, &r, req.Body); err != nil {
		return nil, err
	}
	if r.ResticID, err = h.tryOpening(ctx, r, nodes); err != nil {
		return nil, err
	}
	all, err := h.attach(ctx, r)
	if err != nil {
		return nil, err
	}
	h.checks.Reschedule()
	h.looks.Anew(r.ID)
	answer := h.repositoryJSON(ctx, r, all, nodes)
	last, next := h.checks.LastCheck(r.ID)
	showCheck(&answer, last, next)
	return v6.AddBackupRepository200JSONResponse(answer), nil
}

// UpdateBackupRepository answers PUT /v6/BackupRepositories/{repositoryId}.
func (h *repositories) UpdateBackupRepository(ctx context.Context, req v6.UpdateBackupRepositoryRequestObject) (v6.UpdateBackupRepositoryResponseObject, error) {
	old, err := h.known.Repository(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	if err := refuse(req.Body, old.ID); err != nil {
		return nil, err
	}
	nodes, err := h.where.look(ctx)
	if err != nil {
		return nil, err
	}
	r := old
	if r.ManagedBy, err = managed(ctx, "repository", old.ManagedBy); err != nil {
		return nil, err
	}
	if err := merge(&r, req.Body); err != nil {
		return nil, err
	}
	if err := nodes.placed(&old, &r, req.Body); err != nil {
		return nil, err
	}
	if err := h.change(ctx, old, r, nodes); err != nil {
		return nil, err
	}
	h.checks.Reschedule()
	return v6.UpdateBackupRepository200Response{}, nil
}

// DeleteBackupRepository answers DELETE /v6/BackupRepositories/{repositoryId}. The
// catalog goes first: if the second step fails, the repository is out of sync, and the
// request can be sent again.
func (h *repositories) DeleteBackupRepository(ctx context.Context, req v6.DeleteBackupRepositoryRequestObject) (v6.DeleteBackupRepositoryResponseObject, error) {
	old, err := h.known.Repository(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "repository", old.ManagedBy); err != nil {
		return nil, err
	}
	// A deletion that outlives its client is better than half of one.
	ctx = context.WithoutCancel(ctx)
	err = h.synchronizer.Forget(ctx, req.RepositoryID, func(ctx context.Context) error {
		return h.store.DeleteRepository(ctx, req.RepositoryID)
	})
	if err != nil {
		return nil, err
	}
	return v6.DeleteBackupRepository204Response{}, nil
}

// merge takes over the fields that the body sets and checks the outcome. A path
// replaces an object storage, and the other way round.
func merge(r *syncline.Repository, b *v6.BackupRepositoryFromClient) error {
	if saysID(b.ObjectStorageID) {
		if deref(b.Path) != "" {
			return invalid("path and objectStorageId cannot be given together; a repository lies in one place")
		}
		r.ObjectStorageID, r.Path = syncline.ID(strings.ToLower(string(*b.ObjectStorageID))), ""
	} else if deref(b.Path) != "" {
		r.ObjectStorageID, r.Path = "", *b.Path
	}
	if deref(b.ObjectStorageEncryptionEnabled) && r.ObjectStorageID == "" {
		return invalid("objectStorageEncryptionEnabled cannot be honoured: the repository does not lie in object storage; leave it out")
	}
	if err := mergeSchedule(&r.Schedule, b.Synchronization); err != nil {
		return err
	}
	set(&r.Retention.Type, b.RetentionType)
	set(&r.Name, b.Name)
	set(&r.Description, b.Description)
	set(&r.Retention.PeriodType, b.RetentionPeriodType)
	set(&r.Retention.YearlyPeriod, b.YearlyRetentionPeriod)
	if b.EncryptionKeyID != nil {
		r.EncryptionKeyID = syncline.ID(strings.ToLower(string(*b.EncryptionKeyID)))
	}
	return checkRepository(*r)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// checkRepository applies the rules that the document cannot express.
func checkRepository(r syncline.Repository) error {
	switch {
	case r.Name == "":
		return invalid("name is required; give the repository a name")
	case strings.TrimSpace(r.Name) != r.Name || hasControl(r.Name):
		return invalid("name must not begin or end with a space or hold control characters")
	case r.Retention.Type == "":
		return invalid("retentionType is required; give ItemLevel or SnapshotBased, neither of which deletes anything")
	case r.Path == "" && r.ObjectStorageID == "":
		return invalid("path is required, or objectStorageId; give the absolute path of the repository's folder, or the object storage that it lies in")
	case hasControl(r.Path):
		return invalid("path must not hold control characters")
	case r.Path != "" && !filepath.IsAbs(r.Path):
		return invalid("path must be absolute; begin it with a slash")
	case r.Path != "" && filepath.Clean(r.Path) != r.Path:
		return invalid("path must be clean; write it without ., .., doubled slashes or a slash at its end")
	case r.EncryptionKeyID == "" || r.EncryptionKeyID == zeroID:
		return invalid("encryptionKeyId is required; add the repository's password with POST /v6/EncryptionKeys and give the id of the key")
	}
	return nil
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// refuseWhileSynchronizing fails while the repository has an unended session.
func (h *repositories) refuseWhileSynchronizing(ctx context.Context, id syncline.ID) error {
	newest, err := h.sessions.RepositorySessions(ctx, id, 1, 0)
	if err != nil {
		return err
	}
	if len(newest) > 0 && !newest[0].State.Ended() {
		return syncline.Errorf(syncline.CodeConflict,
			"place, account and encryptionKeyId cannot change while the repository is being synchronized; stop the session first")
	}
	return nil
}

// repositoryJSON is a repository in v6's form, without its checks. all are the attached
// repositories.
func (h *repositories) repositoryJSON(ctx context.Context, r syncline.Repository, all []syncline.Repository, nodes fleet) v6.BackupRepository {
	node := nodes.serving(r)
	answer := v6.BackupRepository{
		ObjectStorageID:       present(r.ObjectStorageID),
		EncryptionKeyID:       present(r.EncryptionKeyID),
		IsOutOfSync:           r.OutOfSync,
		ID:                    r.ID,
		Name:                  r.Name,
		Description:           r.Description,
		Path:                  present(r.Path),
		RetentionType:         r.Retention.Type,
		RetentionPeriodType:   present(r.Retention.PeriodType),
		YearlyRetentionPeriod: present(r.Retention.YearlyPeriod),
		ProxyID:               node,
		CopyOf:                copies(r, all),
		ManagedBy:             present(r.ManagedBy),
		Synchronization:       scheduleJSON(r.Schedule),
		Links: v6.BackupRepositoryLinks{
			Self:                repositoryLink(r.ID),
			Proxy:               proxyLink(node),
			SynchronizeSessions: v6.Link{Href: "/v6/BackupRepositories/" + string(r.ID) + "/SynchronizeSessions"},
			RestorePoints:       v6.Link{Href: "/v6/RestorePoints?repositoryId=" + string(r.ID)},
		},
	}
	if r.NodeID != "" || r.Path != "" {
		bound := true
		answer.IsProxyBound = &bound
	}
	if r.ObjectStorageID != "" {
		encrypted, link := true, storageLink(r.ObjectStorageID)
		answer.ObjectStorageEncryptionEnabled, answer.Links.ObjectStorage = &encrypted, &link
	}
	if r.EncryptionKeyID != "" {
		link := keyLink(r.EncryptionKeyID)
		answer.Links.EncryptionKey = &link
	}
	if r.Path != "" && node == nodes.self {
		if s, ok := h.space.of(ctx, r.Path); ok {
			answer.CapacityBytes, answer.FreeSpaceBytes = &s.capacity, &s.free
		}
	}
	return answer
}

// repositoryLink is written in lower case, as every v6 link to a repository.
func repositoryLink(id syncline.ID) v6.Link {
	return v6.Link{Href: "/v6/backuprepositories/" + string(id)}
}
