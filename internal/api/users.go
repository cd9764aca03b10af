package api

import (
	"context"
	"net/url"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/auth"
)

// userStore lists and changes the users who may sign in. Names are compared without
// regard to letter case.
type userStore interface {
	ListUsers(ctx context.Context) ([]syncline.User, error)
	CreateUser(ctx context.Context, u syncline.User, password string) (syncline.User, error)
	ChangeUser(ctx context.Context, name string, c auth.UserChange) error
	RemoveUser(ctx context.Context, name string) error
}

// passwordKeeper finds a user, compares and changes passwords.
type passwordKeeper interface {
	User(ctx context.Context, name string) (syncline.User, error)
	HasPassword(ctx context.Context, name, password string) (bool, error)
	ChangePassword(ctx context.Context, i auth.Identity, present, password, remoteAddr string) error
}

// secretComparer slows down comparisons with a kept secret, which what names.
type secretComparer interface {
	Compare(ctx context.Context, what string, same func() bool) (bool, error)
}

// users answers for the users.
type users struct {
	store     userStore
	passwords passwordKeeper
	secrets   secretComparer
}

// ListUsers answers GET /v6/Users.
func (h *users) ListUsers(ctx context.Context, _ v6.ListUsersRequestObject) (v6.ListUsersResponseObject, error) {
	list, err := h.store.ListUsers(ctx)
	if err != nil {
		return nil, err
	}
	answer := make(v6.ListUsers200JSONResponse, 0, len(list))
	for _, u := range list {
		answer = append(answer, userJSON(u))
	}
	return answer, nil
}

// GetUser answers GET /v6/Users/{userName}.
func (h *users) GetUser(ctx context.Context, req v6.GetUserRequestObject) (v6.GetUserResponseObject, error) {
	u, err := h.passwords.User(ctx, req.UserName)
	if err != nil {
		return nil, err
	}
	return v6.GetUser200JSONResponse(userJSON(u)), nil
}

// AddUser answers POST /v6/Users.
func (h *users) AddUser(ctx context.Context, req v6.AddUserRequestObject) (v6.AddUserResponseObject, error) {
	b := req.Body
	switch {
	case deref(b.Name) == "":
		return nil, invalid("name is required; give the user a name")
	case b.Role == nil:
		return nil, invalid("role is required; name one of administrator, operator, restorer, viewer")
	case b.Password == nil:
		return nil, invalid("password is required; the user signs in with it")
	}
	u := syncline.User{Name: *b.Name, Role: syncline.Role(*b.Role), ManagedBy: infoFrom(ctx).manager}
	u, err := h.store.CreateUser(ctx, u, *b.Password)
	if err != nil {
		return nil, err
	}
	return v6.AddUser200JSONResponse(userJSON(u)), nil
}

// UpdateUser answers PUT /v6/Users/{userName}.
func (h *users) UpdateUser(ctx context.Context, req v6.UpdateUserRequestObject) (v6.UpdateUserResponseObject, error) {
	b := req.Body
	u, err := h.passwords.User(ctx, req.UserName)
	if err != nil {
		return nil, err
	}
	manager, err := managed(ctx, "user", u.ManagedBy)
	if err != nil {
		return nil, err
	}
	if b.Name != nil && *b.Name != u.Name {
		return nil, invalid("name cannot change; add another user instead")
	}
	change := auth.UserChange{Role: (*syncline.Role)(b.Role), Password: b.Password, ManagedBy: &manager}
	if err := h.store.ChangeUser(ctx, u.Name, change); err != nil {
		return nil, err
	}
	return v6.UpdateUser200Response{}, nil
}

// DeleteUser answers DELETE /v6/Users/{userName}.
func (h *users) DeleteUser(ctx context.Context, req v6.DeleteUserRequestObject) (v6.DeleteUserResponseObject, error) {
	u, err := h.passwords.User(ctx, req.UserName)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "user", u.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.store.RemoveUser(ctx, u.Name); err != nil {
		return nil, err
	}
	return v6.DeleteUser204Response{}, nil
}

// ChangePassword answers PUT /v6/Users/{userName}/Password.
func (h *users) ChangePassword(ctx context.Context, req v6.ChangePasswordRequestObject) (v6.ChangePasswordResponseObject, error) {
	info := infoFrom(ctx)
	if !strings.EqualFold(req.UserName, info.identity.UserName) {
		if info.identity.Role.CanManage() { // who may know which users there are
			if _, err := h.passwords.User(ctx, req.UserName); err != nil {
				return nil, err
			}
		}
		return nil, syncline.Errorf(syncline.CodeForbidden,
			"this changes your own password only; administrators change those of others with PUT /v6/Users/{userName}")
	}
	u, err := h.passwords.User(ctx, info.identity.UserName)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "user", u.ManagedBy); err != nil {
		return nil, err
	}
	err = h.passwords.ChangePassword(ctx, info.identity, req.Body.Password, req.Body.NewPassword, info.remote)
	if syncline.CodeOf(err) == syncline.CodeUnauthenticated { // the token is good
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "password is not your present password; correct it")
	}
	if err != nil {
		return nil, err
	}
	return v6.ChangePassword200Response{}, nil
}

// CompareUserPassword answers POST /v6/Users/{userName}/Compare.
func (h *users) CompareUserPassword(ctx context.Context, req v6.CompareUserPasswordRequestObject) (v6.CompareUserPasswordResponseObject, error) {
	same, err := h.passwords.HasPassword(ctx, req.UserName, req.Body.Password)
	if err != nil {
		return nil, err
	}
	return v6.CompareUserPassword200JSONResponse{IsSame: same}, nil
}

func userJSON(u syncline.User) v6.User {
	return v6.User{
		Name: u.Name, Role: string(u.Role), CreatedTime: u.CreatedAt.UTC(), ManagedBy: present(u.ManagedBy),
		Links: v6.SelfLinks{Self: v6.Link{Href: "/v6/Users/" + url.PathEscape(u.Name)}},
	}
}
