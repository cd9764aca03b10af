//go:build !linux

package folders

// isLocal reports that no folder is watched: other systems need a handle for each file
// of a folder, or do not tell which file systems are remote.
func isLocal(string) (bool, error) { return false, nil }
