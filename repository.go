package syncline

import "time"

// Repository is one restic repository that Syncline knows. Either Path is set,
// a local folder, or ObjectStorageID.
type Repository struct {
	ID              ID
	Name            string
	Description     string
	Path            string
	ObjectStorageID ID
	EncryptionKeyID ID
	Retention       Retention
	// OutOfSync is true while the catalog is missing, damaged or known to be
	// behind.
	OutOfSync bool
	CreatedAt time.Time
	// Catalog is what the last session that succeeded left; zero where none has,
	// or none that recorded it.
	Catalog CatalogMark
}

// CatalogMark names one state of a repository's catalog.
type CatalogMark struct {
	Catalog string // differs for one that was built anew; "" for none
	Changes uint64 // grows with every change
}

// Behind reports whether a catalog that is at m has less than one that was at
// recorded: it is another one, or an older state of it.
func (m CatalogMark) Behind(recorded CatalogMark) bool {
	return recorded.Catalog != "" && (m.Catalog != recorded.Catalog || m.Changes < recorded.Changes)
}

// Retention holds the v6 retention fields that are taken and given back. They
// delete nothing.
type Retention struct {
	Type         string // "ItemLevel" or "SnapshotBased"
	PeriodType   string // "" or "Yearly"
	YearlyPeriod string // "" or "Keep"
}

// EncryptionKey is the password of a restic repository. The password itself
// stays sealed in the store.
type EncryptionKey struct {
	ID          ID
	Description string
	CreatedAt   time.Time
}

// Role is what a user may do.
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

// CanFollowRestores reports whether the role may see and stop restores on the
// server at all: restorers their own, operators and administrators every one.
func (r Role) CanFollowRestores() bool { return r.CanRestore() || r.CanSynchronize() }

// CanRestore reports whether the role may get contents back.
func (r Role) CanRestore() bool { return r == RoleAdministrator || r == RoleRestorer }

// User is someone who may sign in.
type User struct {
	Name         string // compared without regard to letter case
	Role         Role
	PasswordHash string // argon2id, in the PHC string format
	CreatedAt    time.Time
}
