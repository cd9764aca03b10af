package syncline

import "time"

// Immutability is what a look at a repository's storage found about the removal of its
// files.
type Immutability struct {
	RepositoryID ID
	// ObjectStorageID is where the repository lay at the time of the look.
	ObjectStorageID ID
	At              time.Time // of the look, zero before the first one
	// Error says why the look failed; then nothing else is known.
	Error string
	// Told is false where the storage does not tell until when it keeps files.
	Told bool
	// Oldest and Newest are the first and the last end of retention among the files that
	// were looked at; zero where none is kept.
	Oldest, Newest time.Time
	Rule           string // for new files, as the storage tells it
	Looked         int    // files
	Kept           int    // of these, with an end of retention
	Held           int    // of these, with a legal hold
	Archived       int    // of these, in an archive class
	Class          string // one of these archive classes
	// Whole is true where the answer holds for all files, false where the files that were
	// looked at are a sample.
	Whole  bool
	Rights string // of the credentials: RightsUnknown, RightsReadOnly or RightsMayChange
}

// The rights of credentials, as far as the storage tells.
const (
	RightsUnknown   = "Unknown"
	RightsReadOnly  = "ReadOnly"
	RightsMayChange = "MayChange"
)
