// Package restore writes what a snapshot holds into a folder: files, folders,
// links and devices, with their modes, times, owners and attributes.
//
// What to restore comes from the catalog, bytes come from package content.
// Files are taken in groups; the blobs of a group are read pack by pack, each
// once, on several streams, and written to all places that need them. When a
// group is done its hard links are made, and then the folders that are
// complete get their metadata.
//
// What lies in the target already is compared blob by blob and only what
// differs is read from the repository, so a run that was cut off is continued
// by the next one.
//
// Where a folder has a name twice, both items are restored, the later one with a
// number in its name.
//
// Names in a repository are not trusted. A name is one element of a path or is
// refused, folders are opened one by one from the target downwards and never
// through a symbolic link, and files are opened without following one.
//
// The package knows nothing of requests, commands or terminals.
package restore
