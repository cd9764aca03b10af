package api

import (
	"context"
	"net/http"
	"unicode/utf8"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/store"
)

// managerHeader names the file of declarations that a request comes from.
const managerHeader = "Syncline-Manager"

// maxManager bounds the name of a file of declarations, in characters.
const maxManager = 64

// readManager reads the header.
func (info *requestInfo) readManager(h http.Header) error {
	values := h.Values(managerHeader)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	name := values[0]
	if len(values) > 1 || !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxManager || hasControl(name) {
		return invalid("the header %s must be one name of at most %d characters, or left out", managerHeader, maxManager)
	}
	info.manager = name
	return nil
}

// managed returns the manager that a thing has after a change by the request. A thing
// without one becomes the manager's that the request comes from. A request that does
// not come from the thing's manager is refused.
func managed(ctx context.Context, noun, has string) (string, error) {
	by := infoFrom(ctx).manager
	switch {
	case has == "" || has == by:
		return by, nil
	case by == "":
		return "", syncline.Errorf(syncline.CodeConflict,
			"the file %q declares this %s; change the file and run syncline apply, or send the header %s: %s", has, noun, managerHeader, has)
	}
	return "", syncline.Errorf(syncline.CodeConflict,
		"the file %q declares this %s, and so the file %q cannot; take it out of one of them, and release it with DELETE /v6/Managers", has, noun, by)
}

// managers answers for the files that declare something.
type managers struct{ store store.Managers }

// ListManagers answers GET /v6/Managers.
func (h *managers) ListManagers(ctx context.Context, _ v6.ListManagersRequestObject) (v6.ListManagersResponseObject, error) {
	names, err := h.store.Managers(ctx)
	if err != nil {
		return nil, err
	}
	answer := make(v6.ListManagers200JSONResponse, 0, len(names))
	for _, name := range names {
		answer = append(answer, v6.Manager{Name: name})
	}
	return answer, nil
}

// ReleaseManager answers DELETE /v6/Managers/{managerName}.
func (h *managers) ReleaseManager(ctx context.Context, req v6.ReleaseManagerRequestObject) (v6.ReleaseManagerResponseObject, error) {
	if err := h.store.Release(ctx, req.ManagerName); err != nil {
		return nil, err
	}
	return v6.ReleaseManager204Response{}, nil
}
