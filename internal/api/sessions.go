package api

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// The states that v6 clients know. There must never be another.
const (
	stateNone          = "None"
	stateSynchronizing = "Synchronizing"
	stateFailed        = "Failed"
)

// sessionReader reads one session. The contract of the methods is that of
// syncer.Service.
type sessionReader interface {
	Session(ctx context.Context, id syncline.ID) (syncline.Session, error)
	Log(ctx context.Context, session syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
}

// sessionLister lists sessions, likewise.
type sessionLister interface {
	LatestSessions(ctx context.Context) ([]syncline.Session, error)
	RepositorySessions(ctx context.Context, repo syncline.ID, limit, offset int) ([]syncline.Session, error)
	Sessions(ctx context.Context, repo syncline.ID, states []syncline.WorkState, limit, offset int) ([]syncline.Session, error)
}

// sessionRunner runs sessions.
type sessionRunner interface {
	// Start starts a session, or returns the repository's unended one.
	Start(ctx context.Context, repository syncline.ID) (syncline.Session, error)
	// Stop returns when the stop is recorded. An ended session is no error.
	Stop(ctx context.Context, session syncline.ID) error
	// Watch returns a channel of capacity one that gets a signal at every
	// change of the session, and a function that ends the watch. Signals that
	// are not taken are dropped, never waited for.
	Watch(session syncline.ID) (<-chan struct{}, func())
}

// sessions answers for the synchronization sessions.
type sessions struct {
	repositories Repositories
	one          sessionReader
	list         sessionLister
	runner       sessionRunner
	streams      *streams
	where        *placement
}

// ListSynchronizeSessions answers GET /v6/RepositorySynchronizeSessions.
func (h *sessions) ListSynchronizeSessions(ctx context.Context, _ v6.ListSynchronizeSessionsRequestObject) (v6.ListSynchronizeSessionsResponseObject, error) {
	list, err := h.list.LatestSessions(ctx)
	if err != nil {
		return nil, err
	}
	return v6.ListSynchronizeSessions200JSONResponse(h.sessionsJSON(ctx, list)), nil
}

// GetSynchronizeSession answers GET /v6/RepositorySynchronizeSessions/{sessionId}.
func (h *sessions) GetSynchronizeSession(ctx context.Context, req v6.GetSynchronizeSessionRequestObject) (v6.GetSynchronizeSessionResponseObject, error) {
	s, err := h.one.Session(ctx, req.SessionID)
	if err != nil {
		return nil, err
	}
	return v6.GetSynchronizeSession200JSONResponse(h.sessionJSON(ctx, s)), nil
}

// StopSynchronizeSession answers POST …/{sessionId}/StopSynchronize.
func (h *sessions) StopSynchronizeSession(ctx context.Context, req v6.StopSynchronizeSessionRequestObject) (v6.StopSynchronizeSessionResponseObject, error) {
	if err := h.runner.Stop(ctx, req.SessionID); err != nil {
		return nil, err
	}
	return v6.StopSynchronizeSession200Response{}, nil
}

// SynchronizeBackupRepository answers POST /v6/BackupRepositories/{repositoryId}/Sync.
func (h *sessions) SynchronizeBackupRepository(ctx context.Context, req v6.SynchronizeBackupRepositoryRequestObject) (v6.SynchronizeBackupRepositoryResponseObject, error) {
	s, err := h.runner.Start(ctx, req.RepositoryID)
	if err != nil {
		return nil, err
	}
	return v6.SynchronizeBackupRepository200JSONResponse(h.sessionJSON(ctx, s)), nil
}

// ListBackupRepositorySessions answers GET …/{repositoryId}/SynchronizeSessions.
func (h *sessions) ListBackupRepositorySessions(ctx context.Context, req v6.ListBackupRepositorySessionsRequestObject) (v6.ListBackupRepositorySessionsResponseObject, error) {
	if _, err := h.repositories.Repository(ctx, req.RepositoryID); err != nil {
		return nil, err
	}
	list, err := h.list.RepositorySessions(ctx, req.RepositoryID,
		int(deref(req.Params.Limit)), int(deref(req.Params.Offset)))
	if err != nil {
		return nil, err
	}
	return v6.ListBackupRepositorySessions200JSONResponse(h.sessionsJSON(ctx, list)), nil
}

// workStates are the states of work behind each of the sessions' states.
var workStates = map[string][]syncline.WorkState{
	stateNone:          {syncline.WorkSucceeded, syncline.WorkStopped},
	stateSynchronizing: {syncline.WorkQueued, syncline.WorkRunning},
	stateFailed:        {syncline.WorkFailed},
}

// ListAllSynchronizeSessions answers GET /v6/SynchronizeSessions.
func (h *sessions) ListAllSynchronizeSessions(ctx context.Context, req v6.ListAllSynchronizeSessionsRequestObject) (v6.ListAllSynchronizeSessionsResponseObject, error) {
	repository := deref(req.Params.RepositoryID)
	if repository != "" {
		if _, err := h.repositories.Repository(ctx, repository); err != nil {
			return nil, err
		}
	}
	list, err := h.list.Sessions(ctx, repository, workStates[deref(req.Params.State)],
		int(deref(req.Params.Limit)), int(deref(req.Params.Offset)))
	if err != nil {
		return nil, err
	}
	return v6.ListAllSynchronizeSessions200JSONResponse(h.sessionsJSON(ctx, list)), nil
}

// ListSynchronizeSessionLogItems answers GET …/{sessionId}/LogItems.
func (h *sessions) ListSynchronizeSessionLogItems(ctx context.Context, req v6.ListSynchronizeSessionLogItemsRequestObject) (v6.ListSynchronizeSessionLogItemsResponseObject, error) {
	limit, offset := int(deref(req.Params.Limit)), int(deref(req.Params.Offset))
	items, total, err := h.one.Log(ctx, req.SessionID, limit, offset)
	if err != nil {
		return nil, err
	}
	return v6.ListSynchronizeSessionLogItems200JSONResponse{
		Offset: offset, Limit: limit,
		Results: convert(items, func(item syncline.LogItem) v6.LogItem { return logItemJSON(req.SessionID, item) }),
		Links:   pageLinks(sessionLink(req.SessionID).Href+"/LogItems", limit, offset, total),
	}, nil
}

// sessionsJSON are sessions in v6's form. Those that wait say why no node runs them, where
// that is known.
func (h *sessions) sessionsJSON(ctx context.Context, sessions []syncline.Session) []v6.RepositorySynchronizeSession {
	answer := make([]v6.RepositorySynchronizeSession, len(sessions))
	var waiting []int
	for i, s := range sessions {
		answer[i] = sessionJSON(s)
		if s.State == syncline.WorkQueued {
			waiting = append(waiting, i)
		}
	}
	if len(waiting) == 0 {
		return answer
	}
	why := h.waits(ctx)
	for _, i := range waiting {
		answer[i].WaitingReason = present(why[sessions[i].RepositoryID])
	}
	return answer
}

// sessionJSON is one session in v6's form, likewise.
func (h *sessions) sessionJSON(ctx context.Context, s syncline.Session) v6.RepositorySynchronizeSession {
	return h.sessionsJSON(ctx, []syncline.Session{s})[0]
}

// waits says why no node runs the queued sessions of repositories. It leaves out those of
// which a node may run them.
func (h *sessions) waits(ctx context.Context) map[syncline.ID]string {
	nodes, err := h.where.look(ctx)
	if err != nil || nodes.allWork() {
		return nil
	}
	repositories, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil
	}
	why := make(map[syncline.ID]string)
	for _, r := range repositories {
		why[r.ID] = nodes.waits(r.NodeID)
	}
	return why
}

func sessionJSON(s syncline.Session) v6.RepositorySynchronizeSession {
	answer := v6.RepositorySynchronizeSession{
		ID:              s.ID,
		RepositoryID:    s.RepositoryID,
		State:           stateSynchronizing,
		ProgressPercent: s.Progress,
		Links:           v6.SessionLinks{Self: sessionLink(s.ID), Repository: repositoryLink(s.RepositoryID)},
		StartTime:       timeJSON(s.StartedAt),
		EndTime:         timeJSON(s.EndedAt),
		Statistics:      s.Statistics,
	}
	if answer.Statistics.RequestsByKind == nil {
		answer.Statistics.RequestsByKind = map[string]int64{}
	}
	switch s.State {
	case syncline.WorkSucceeded:
		answer.State, answer.Result = stateNone, present("Success")
	case syncline.WorkStopped:
		answer.State, answer.Result = stateNone, present("Stopped")
	case syncline.WorkFailed:
		answer.State, answer.Result = stateFailed, present("Failed")
		message := s.Error
		if message == "" {
			message = "the synchronization failed; its log items tell more"
		}
		answer.Error = &message
	case syncline.WorkQueued, syncline.WorkRunning:
	}
	return answer
}

func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func logItemJSON(session syncline.ID, item syncline.LogItem) v6.LogItem {
	at := item.Time.UTC()
	return v6.LogItem{
		ID:           logItemID(session, item.Seq),
		Usn:          item.Seq,
		Title:        fmt.Sprintf("[%s] %s", item.Level, item.Message),
		CreationTime: at,
		EndTime:      at,
		Links:        v6.LogItemLinks{Session: sessionLink(session)},
		Level:        string(item.Level),
		Message:      item.Message,
	}
}

// logItemID derives an item's id from its place: the same item always has the
// same id, and none has to be stored.
func logItemID(session syncline.ID, seq int64) syncline.ID {
	space, err := uuid.Parse(string(session))
	if err != nil {
		space = uuid.Nil
	}
	return syncline.ID(uuid.NewSHA1(space, strconv.AppendInt(nil, seq, 10)).String())
}

// filtered is the path of a list with the filters that are set.
func filtered(path string, filters map[string]string) string {
	query := make(url.Values)
	for name, value := range filters {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// pageLinks returns the links of a page. href may have parameters.
func pageLinks(href string, limit, offset, total int) v6.PageLinks {
	begin := "?"
	if strings.Contains(href, "?") {
		begin = "&"
	}
	page := func(offset int) v6.Link {
		return v6.Link{Href: fmt.Sprintf("%s%soffset=%d&limit=%d", href, begin, offset, limit)}
	}
	links := v6.PageLinks{Self: page(offset)}
	if offset+limit < total {
		links.Next = present(page(offset + limit))
	}
	if offset > 0 {
		links.Prev = present(page(max(0, offset-limit)))
	}
	return links
}

func sessionLink(id syncline.ID) v6.Link {
	return v6.Link{Href: "/v6/RepositorySynchronizeSessions/" + string(id)}
}
