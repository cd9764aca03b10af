package syncline

import "time"

// Role is a set of rights of a user.
type Role string

// The roles, from most to least.
const (
	RoleAdministrator Role = "administrator" // everything
	RoleOperator      Role = "operator"      // synchronize, stop, see
	RoleRestorer      Role = "restorer"      // see, get contents back
	RoleViewer        Role = "viewer"        // see
)

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case RoleAdministrator, RoleOperator, RoleRestorer, RoleViewer:
		return r, nil
	}
	return "", Errorf(CodeInvalid, "%q is no role; the roles are administrator, operator, restorer and viewer", clip(s))
}

// CanManage reports whether the role may change repositories, keys and users.
func (r Role) CanManage() bool { return r == RoleAdministrator }

// CanSynchronize reports whether the role may start and stop sessions.
func (r Role) CanSynchronize() bool { return r == RoleAdministrator || r == RoleOperator }

// CanFollowRestores reports whether the role may see and stop restores on the server:
// restorers their own, operators and administrators all of them.
func (r Role) CanFollowRestores() bool { return r.CanRestore() || r.CanSynchronize() }

// CanRestore reports whether the role may get contents back.
func (r Role) CanRestore() bool { return r == RoleAdministrator || r == RoleRestorer }

// User is a person or program that may sign in.
type User struct {
	Name         string // compared without regard to letter case
	Role         Role
	PasswordHash string // argon2id, in the PHC string format
	CreatedAt    time.Time
	ManagedBy    string // name of the file that declares the user; "" for none
}
