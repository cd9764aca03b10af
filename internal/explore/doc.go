// Package explore answers questions about what is in the backups from the
// catalogs alone: which restore points there are, what lies in them, where a
// name occurs. It fetches nothing from storage.
package explore
