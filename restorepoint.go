package syncline

// RestorePoint is one snapshot in one attached repository.
type RestorePoint struct {
	// ID is the same for the same snapshot in the same repository, always.
	ID           ID
	RepositoryID ID
	Snapshot     Snapshot
	// Missing is how many different folders in it the repository has lost; the
	// rest is there.
	Missing int
	// Lost says that its root is one of them: nothing of it can be shown.
	Lost bool
}
