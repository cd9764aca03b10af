// Package explore answers questions about backups from the catalogs alone:
// which restore points there are, what they contain, and where a name occurs.
// It reads nothing from storage.
package explore
