package syncer

// SetLargeSession bounds how many new trees make a session a large one.
func SetLargeSession(trees int64) (restore func()) {
	before := largeSession
	largeSession = trees
	return func() { largeSession = before }
}
