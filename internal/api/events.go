package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/auth"
)

// WatchSynchronizeSession answers GET …/{sessionId}/Events.
func (h *sessions) WatchSynchronizeSession(ctx context.Context, req v6.WatchSynchronizeSessionRequestObject) (v6.WatchSynchronizeSessionResponseObject, error) {
	if _, err := h.one.Session(ctx, req.SessionID); err != nil {
		return nil, err
	}
	return sessionEvents{&eventStream{
		streams: h.streams, ctx: ctx, may: roles["WatchSynchronizeSession"].has, event: "session", id: req.SessionID, watch: h.runner.Watch,
		read: func(ctx context.Context) (any, bool, error) {
			s, err := h.one.Session(ctx, req.SessionID)
			return h.sessionJSON(ctx, s), s.State.Ended(), err
		},
	}}, nil
}

type (
	sessionEvents struct{ *eventStream }
	jobEvents     struct{ *eventStream }
)

// VisitWatchSynchronizeSessionResponse runs the stream to its end.
func (s sessionEvents) VisitWatchSynchronizeSessionResponse(w http.ResponseWriter) error {
	return s.visit(w)
}

// VisitWatchRestoreJobResponse runs the stream to its end.
func (s jobEvents) VisitWatchRestoreJobResponse(w http.ResponseWriter) error { return s.visit(w) }

// streams is what all event streams need.
type streams struct {
	auth interface {
		Authenticate(ctx context.Context, token string) (auth.Identity, error)
	}
	heartbeat time.Duration
	log       *slog.Logger
}

// eventStream sends the changes of a session or a job to one client.
//
// The stream asks to be woken first and reads the state afterwards, so that no change
// can fall between the two. After each wake-up it reads the present state. A slow
// client therefore misses steps in between, and never the last state. Nothing waits for
// a slow client: the watch drops signals that are not taken, and a write that takes too
// long ends the stream.
type eventStream struct {
	*streams
	ctx   context.Context          //nolint:containedctx // the generated code passes none to the visit
	may   func(auth.Identity) bool // go on
	event string
	id    syncline.ID
	watch func(syncline.ID) (<-chan struct{}, func())
	// read returns what the client is to see, and whether it has ended.
	read  func(context.Context) (state any, ended bool, err error)
	out   *response
	count int
	last  []byte
}

func (s *eventStream) visit(w http.ResponseWriter) error {
	out, ok := w.(*response)
	if !ok {
		return fmt.Errorf("api: an event stream needs the api's own writer, got %T", w)
	}
	s.out = out
	out.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	out.Header().Set("X-Accel-Buffering", "no") // nginx passes on each event at once
	if out.head {
		out.startStream()
		return nil
	}
	signal, stop := s.watch(s.id)
	defer stop()
	out.startStream()
	if err := s.run(signal); err != nil {
		// The answer has begun; the client sees a stream that ends early.
		s.log.LogAttrs(s.ctx, slog.LevelDebug, "event stream ended early",
			slog.String(s.event, string(s.id)), slog.Any("error", err))
	}
	s.out.extend()
	return nil
}

func (s *eventStream) run(signal <-chan struct{}) error {
	heartbeat := time.NewTicker(s.heartbeat)
	defer heartbeat.Stop()
	for {
		ended, err := s.sendChange()
		if err != nil || ended {
			return err
		}
		select {
		case <-signal:
		case <-heartbeat.C:
			if err := s.beat(); err != nil {
				return err
			}
		case <-shutdownOf(s.ctx):
			return nil
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

// sendChange sends the state unless the client has it as it is, and reports
// whether it is the last.
func (s *eventStream) sendChange() (ended bool, err error) {
	state, ended, err := s.read(s.ctx)
	if err != nil {
		return false, err
	}
	data, err := json.Marshal(infoFrom(s.ctx).links.apply(state))
	if err != nil {
		return false, fmt.Errorf("marshal the %s: %w", s.event, err)
	}
	if bytes.Equal(data, s.last) {
		return ended, nil
	}
	s.last = data
	s.count++
	return ended, s.write("id: %d\nevent: %s\ndata: %s\n\n", s.count, s.event, data)
}

// beat sends a comment that keeps the connection open. It ends the stream of a
// user who has lost the right to it.
func (s *eventStream) beat() error {
	identity, err := s.auth.Authenticate(s.ctx, infoFrom(s.ctx).token)
	if err != nil {
		return err
	}
	if !s.may(identity) {
		return syncline.Errorf(syncline.CodeForbidden, "the user has another role now")
	}
	return s.write(": still here\n\n")
}

func (s *eventStream) write(format string, args ...any) error {
	s.out.extend()
	if _, err := fmt.Fprintf(s.out, format, args...); err != nil {
		return err
	}
	if err := http.NewResponseController(s.out).Flush(); err != nil {
		return err
	}
	// HTTP/2 would reset a quiet stream at its deadline.
	s.out.deadline(time.Time{})
	return nil
}
