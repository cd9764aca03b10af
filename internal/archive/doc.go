// Package archive writes what a snapshot holds, or what is selected of it, as
// one zip or tar archive into a stream: of any size, with bounded memory,
// reading ahead over the blobs of many files.
//
// What to write comes from the catalog in short looks, so that a client that
// reads for hours keeps no state of the catalog alive. Bytes come from package
// content, which compares each blob with its hash.
//
// Names in a repository are not trusted. What has a name that is no single
// element of a path is left out, and no two entries get one name, nor names that
// are one on another system. What gives rights away is left out of what is not
// exact. An archive tells in a file of its own what it has not as the snapshot has it. Everything
// else that goes wrong is an error, and then there is no end of the archive.
//
// The package knows nothing of requests or commands.
package archive
