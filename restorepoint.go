package syncline

// RestorePoint is one snapshot in one attached repository.
type RestorePoint struct {
	// ID is the same for the same snapshot in the same repository, always.
	ID           ID
	RepositoryID ID
	Snapshot     Snapshot
}
