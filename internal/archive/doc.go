// Package archive writes a snapshot, or a selection of it, as one zip or tar
// archive into a stream. Archives have any size, memory is bounded, and the
// blobs of many files are read ahead.
//
// Entries come from the catalog in short looks, so a client that reads for
// hours keeps no state of the catalog alive. Bytes come from package content,
// which compares each blob with its hash.
//
// Names in a repository are not trusted. An item whose name is not a single
// element of a path is left out. No two entries get the same name, nor names
// that are one name on another system. An archive that is not exact has nothing
// that lends rights. A file in the archive lists all differences from the
// snapshot. Everything else that goes wrong is an error, and the archive then
// has no end.
//
// The package knows nothing of requests or commands.
package archive
