package api

import (
	"context"
	"slices"
	"strings"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
)

// fakeUsers has the users of fakeAuth's tokens. Each has the password "open sesame".
type fakeUsers struct {
	mu        sync.Mutex
	users     []syncline.User
	passwords map[string]string // that were set
	throttle  bool
}

func newFakeUsers() *fakeUsers {
	f := &fakeUsers{passwords: map[string]string{}}
	for name, role := range map[string]syncline.Role{
		"ada": syncline.RoleAdministrator, "the administrator": syncline.RoleAdministrator, "the operator": syncline.RoleOperator,
		"the restorer": syncline.RoleRestorer, "the viewer": syncline.RoleViewer,
	} {
		f.users = append(f.users, syncline.User{Name: name, Role: role, CreatedAt: testTime})
	}
	slices.SortFunc(f.users, func(a, b syncline.User) int { return strings.Compare(a.Name, b.Name) })
	return f
}

func (f *fakeUsers) find(name string) (*syncline.User, error) {
	for i := range f.users {
		if strings.EqualFold(f.users[i].Name, name) {
			return &f.users[i], nil
		}
	}
	return nil, syncline.Errorf(syncline.CodeNotFound, "there is no user %q", name)
}

func (f *fakeUsers) ListUsers(context.Context) ([]syncline.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.users), nil
}

func (f *fakeUsers) User(_ context.Context, name string) (syncline.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, err := f.find(name)
	if err != nil {
		return syncline.User{}, err
	}
	return *u, nil
}

func (f *fakeUsers) CreateUser(_ context.Context, u syncline.User, password string) (syncline.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find(u.Name); err == nil {
		return u, syncline.Errorf(syncline.CodeConflict, "there is a user %q", u.Name)
	}
	u.CreatedAt = testTime
	f.users = append(f.users, u)
	f.passwords[u.Name] = password
	return u, nil
}

func (f *fakeUsers) ChangeUser(_ context.Context, name string, c auth.UserChange) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, err := f.find(name)
	if err != nil {
		return err
	}
	set(&u.Role, c.Role)
	set(&u.ManagedBy, c.ManagedBy)
	if c.Password != nil {
		f.passwords[u.Name] = *c.Password
	}
	return nil
}

func (f *fakeUsers) RemoveUser(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users = slices.DeleteFunc(f.users, func(u syncline.User) bool { return strings.EqualFold(u.Name, name) })
	return nil
}

func (f *fakeUsers) HasPassword(ctx context.Context, name, password string) (bool, error) {
	if _, err := f.User(ctx, name); err != nil {
		return false, err
	}
	return f.Compare(ctx, "user "+name, func() bool { return password == "open sesame" })
}

func (f *fakeUsers) ChangePassword(ctx context.Context, i auth.Identity, present, password, _ string) error {
	if present != "open sesame" {
		return syncline.Errorf(syncline.CodeUnauthenticated, "the user name or the password is wrong")
	}
	return f.ChangeUser(ctx, i.UserName, auth.UserChange{Password: &password})
}

func (f *fakeUsers) Compare(_ context.Context, _ string, same func() bool) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.throttle {
		return false, syncline.Errorf(syncline.CodeThrottled, "too many failed attempts")
	}
	return same(), nil
}
