// Package restore writes the content of a snapshot into a folder: files,
// folders, links and devices, with their modes, times, owners and attributes.
//
// The catalog says what to restore, and package content reads the bytes. Files
// are restored in groups. Several streams read the blobs of a group, pack by
// pack and each once, and write them to all places that need them. Then the
// group's hard links are made, and folders that are complete get their
// metadata.
//
// Files in the target are compared blob by blob, and only the blobs that differ
// are read from the repository. So a run that was cut off is continued by the
// next one.
//
// If a folder has two items of one name, both are restored, the later one with
// a number in its name.
//
// Names in a repository are not trusted. A name that is more than one element
// of a path is refused. Folders are opened one by one from the target downwards
// and never through a symbolic link. Files are opened without following one.
//
// The package knows nothing of requests, commands or terminals.
package restore
