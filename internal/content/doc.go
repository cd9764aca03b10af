// Package content gives the bytes of backed-up files back: it finds out where
// their blobs lie, from the catalog alone, and reads them from the repository,
// ahead of whoever takes them, with bounded memory.
//
// Every blob is authenticated and compared with its hash before a byte of it
// leaves. A copy that is damaged or missing is replaced by another one where
// the repository has it.
//
// The package knows nothing of where the bytes go: no files, no requests.
package content
