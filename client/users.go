package client

import (
	"context"
	"net/http"
	"time"

	"syncline.dev/syncline"
)

// User is somebody who may sign in.
type User struct {
	Name        string        `json:"name"` // compared without regard to letter case
	Role        syncline.Role `json:"role"`
	CreatedTime time.Time     `json:"createdTime"`
	ManagedBy   string        `json:"managedBy"` // as that of a Repository
}

// Users returns the users, by name.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	return get[[]User](ctx, c, at("Users"), nil)
}

// User returns one user.
func (c *Client) User(ctx context.Context, name string) (User, error) {
	return get[User](ctx, c, at("Users", name), nil)
}

// NewUser is a user to be added.
type NewUser struct {
	Name     string        `json:"name"`
	Role     syncline.Role `json:"role"`
	Password string        `json:"password"` // 12 characters or more
}

// AddUser adds a user.
func (c *Client) AddUser(ctx context.Context, u NewUser) (User, error) {
	return fetch[User](ctx, c, call{method: http.MethodPost, path: at("Users"), body: u})
}

// UserChange is what is to change of a user; "" keeps what is there.
type UserChange struct {
	Role     syncline.Role `json:"role,omitempty"`
	Password string        `json:"password,omitempty"`
}

// ChangeUser changes a user, and ends the user's sign-ins.
func (c *Client) ChangeUser(ctx context.Context, name string, change UserChange) error {
	return c.perform(ctx, http.MethodPut, at("Users", name), change)
}

// DeleteUser removes a user. The last administrator stays.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.perform(ctx, http.MethodDelete, at("Users", name), nil)
}

// ChangePassword changes the password of the user who is signed in, and ends the user's
// sign-ins, this one included.
func (c *Client) ChangePassword(ctx context.Context, name, present, password string) error {
	return c.perform(ctx, http.MethodPut, at("Users", name, "Password"), passwordChangeJSON{present, password})
}

type passwordChangeJSON struct {
	Password    string `json:"password"`
	NewPassword string `json:"newPassword"`
}

// UserHasPassword reports whether it is the user's password.
func (c *Client) UserHasPassword(ctx context.Context, name, password string) (bool, error) {
	return c.compare(ctx, at("Users", name, "Compare"), password)
}

// KeyHasPassword reports whether it is the password that a key holds.
func (c *Client) KeyHasPassword(ctx context.Context, id syncline.ID, password string) (bool, error) {
	return c.compare(ctx, under("EncryptionKeys", id, "Compare"), password)
}

// AccountHasSecret reports whether it is the secret of an account.
func (c *Client) AccountHasSecret(ctx context.Context, id syncline.ID, secret string) (bool, error) {
	return c.compare(ctx, under("Accounts", id, "Compare"), secret)
}

func (c *Client) compare(ctx context.Context, path, secret string) (bool, error) {
	got, err := fetch[comparisonJSON](ctx, c, call{method: http.MethodPost, path: path, body: secretJSON{secret}})
	return got.IsSame, err
}

type secretJSON struct {
	Password string `json:"password"`
}

type comparisonJSON struct {
	IsSame bool `json:"isSame"`
}

// Managers returns the names of the files that declare something on the server.
func (c *Client) Managers(ctx context.Context) ([]string, error) {
	list, err := get[[]managerJSON](ctx, c, at("Managers"), nil)
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names, err
}

type managerJSON struct {
	Name string `json:"name"`
}

// ReleaseManager takes all that a file declares from it. The things stay.
func (c *Client) ReleaseManager(ctx context.Context, name string) error {
	return c.perform(ctx, http.MethodDelete, at("Managers", name), nil)
}
