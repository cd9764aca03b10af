// Package content returns the bytes of backed-up files. It finds the places of
// their blobs in the catalog alone, and reads the blobs ahead from the
// repository, with bounded memory.
//
// Every blob is authenticated and compared with its hash before a byte of it
// leaves. When a copy is damaged or missing, another copy in the repository
// takes its place.
//
// The package does not know where the bytes go: it has no files and no
// requests.
package content
