package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// Session is one synchronization of a repository.
type Session struct {
	ID           syncline.ID `json:"id"`
	RepositoryID syncline.ID `json:"repositoryId"`
	// State is Synchronizing while the session is queued or runs, then None, or
	// Failed when it failed.
	State           string    `json:"state"`
	ProgressPercent int       `json:"progressPercent"` // 100 only when the catalog is complete
	Result          string    `json:"result"`          // Success, Stopped or Failed; "" until it has ended
	Error           string    `json:"error"`           // why it failed
	StartTime       time.Time `json:"startTime"`       // zero while it is queued
	EndTime         time.Time `json:"endTime"`         // zero until it has ended
	// WaitingReason says why no node runs a queued session; "" where one may.
	WaitingReason string `json:"waitingReason"`
	// Statistics counts what the session has done so far.
	Statistics syncline.SessionStatistics `json:"statistics"`
}

// Ended reports whether the session is over; Result then says how it ended.
func (s *Session) Ended() bool { return s.Result != "" }

// Synchronize starts a synchronization, or returns the one that is queued or
// running for this repository.
func (c *Client) Synchronize(ctx context.Context, repository syncline.ID) (Session, error) {
	return fetch[Session](ctx, c, call{method: http.MethodPost, path: under("BackupRepositories", repository, "Sync")})
}

// SynchronizeAll starts a session for every repository, or joins those that are queued
// or running. When the server could not start some, the error is a LeftOutError and the
// list has the others' sessions.
func (c *Client) SynchronizeAll(ctx context.Context) ([]Session, error) {
	res, err := c.do(ctx, call{method: http.MethodPost, path: at("BackupRepositories", "Sync")})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	list, err := decode[[]Session](ctx, res.Body)
	return list, errors.Join(err, leftOut(res))
}

const sessions = "RepositorySynchronizeSessions"

// Sessions returns for every repository the session that is queued or running,
// or else its latest, newest first.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	return get[[]Session](ctx, c, at(sessions), nil)
}

// Session returns one session.
func (c *Client) Session(ctx context.Context, id syncline.ID) (Session, error) {
	return get[Session](ctx, c, under(sessions, id), nil)
}

// StopSession asks for the end of a session, which comes within seconds. The
// catalog keeps the session's work.
func (c *Client) StopSession(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodPost, under(sessions, id, "StopSynchronize"), nil)
}

// pageSize is how many results are asked for at once.
const pageSize = 1000

// RepositorySessions returns all sessions of a repository, newest first.
func (c *Client) RepositorySessions(ctx context.Context, repository syncline.ID) iter.Seq2[Session, error] {
	return offsets(func(q url.Values) ([]Session, error) {
		return get[[]Session](ctx, c, under("BackupRepositories", repository, "SynchronizeSessions"), q)
	})
}

// SessionQuery selects sessions. Empty fields select all.
type SessionQuery struct {
	RepositoryID syncline.ID
	State        string // Synchronizing, None or Failed
}

// AllSessions returns the sessions of all repositories, newest first.
func (c *Client) AllSessions(ctx context.Context, q SessionQuery) iter.Seq2[Session, error] {
	return offsets(func(page url.Values) ([]Session, error) {
		if q.RepositoryID != "" {
			page.Set("repositoryId", string(q.RepositoryID))
		}
		if q.State != "" {
			page.Set("state", q.State)
		}
		return get[[]Session](ctx, c, at("SynchronizeSessions"), page)
	})
}

// LogItem is one line of what a session or a restore did or met.
type LogItem struct {
	ID      syncline.ID `json:"id"`
	Number  int64       `json:"usn"` // 1, 2, … within the session or the restore
	Time    time.Time   `json:"creationTime"`
	Level   string      `json:"level"` // Info, Success, Warning or Error
	Message string      `json:"message"`
}

// logPage is one page of a log.
type logPage struct {
	Results []LogItem `json:"results"`
}

// log returns the log of the thing at a path, in order.
func (c *Client) log(ctx context.Context, path string) iter.Seq2[LogItem, error] {
	return offsets(func(q url.Values) ([]LogItem, error) {
		page, err := get[logPage](ctx, c, path, q)
		return page.Results, err
	})
}

// SessionLog returns what a session did and met, in order.
func (c *Client) SessionLog(ctx context.Context, id syncline.ID) iter.Seq2[LogItem, error] {
	return c.log(ctx, under(sessions, id, "LogItems"))
}

// offsets goes through a list that comes in numbered pages.
func offsets[T any](page func(url.Values) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for offset := 0; ; offset += pageSize {
			list, err := page(url.Values{"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(offset)}})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, x := range list {
				if !yield(x, nil) {
					return
				}
			}
			if len(list) < pageSize {
				return
			}
		}
	}
}

const (
	// A watch gives up when it could not go on so often in a row.
	maxReconnects = 5
	// maxEvent bounds a line of an event stream, in bytes.
	maxEvent = 1 << 20
	// reconnectAfter is the wait before the second try; it doubles.
	reconnectAfter = time.Second / 2
)

// WatchSession returns the session now, then at every change, and last when it
// has ended. Changes that come fast may be left out, the last one never. When
// the stream ends early, as it does with the access token, it goes on with
// another one.
func (c *Client) WatchSession(ctx context.Context, id syncline.ID) iter.Seq2[Session, error] {
	return watch(ctx, c, under(sessions, id, "Events"), func(s Session) Session { return s }, (*Session).Ended)
}

// watch goes through the events of something until it has ended. The events are
// W in JSON, from which the T are made.
func watch[W, T any](ctx context.Context, c *Client, path string, from func(W) T, ended func(*T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for failures := 0; ; {
			got, done, err := follow(ctx, c, path, from, ended, yield)
			switch {
			case done:
				return
			case got:
				failures = 0
			default:
				failures++
			}
			if err != nil && (StatusOf(err) != 0 || ctx.Err() != nil || failures >= maxReconnects) {
				yield(none, err)
				return
			}
			if err := wait(ctx, reconnectAfter<<failures/2); err != nil {
				yield(none, err)
				return
			}
		}
	}
}

// wait waits, or returns why ctx ended.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// follow follows one stream. It reports whether any event came, and whether there
// is nothing more to follow.
func follow[W, T any](ctx context.Context, c *Client, path string, from func(W) T, ended func(*T) bool, yield func(T, error) bool) (got, done bool, err error) {
	res, err := c.do(ctx, call{method: http.MethodGet, path: path})
	if err != nil {
		return false, false, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue
		}
		var w W
		if err := json.Unmarshal(data, &w); err != nil {
			return got, false, fmt.Errorf("the server's event cannot be read: %w", err)
		}
		got = true
		s := from(w)
		if !yield(s, nil) || ended(&s) {
			return got, true, nil
		}
	}
	err = lines.Err()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == nil:
		err = &UnreachableError{Address: c.base, Err: io.ErrUnexpectedEOF}
	}
	return got, false, err
}
