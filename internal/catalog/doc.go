// Package catalog keeps what Syncline learned of one repository: every tree
// (one version of one directory) decoded once, keyed by its hash, and the
// snapshots that are complete, or lack only what the repository has lost. Paths are derived from the trees, never stored.
//
// A catalog is numbers and columns. Distinct names, entries and trees are
// numbered in the order they came; a tree is a few runs of entry numbers; the
// columns are cut into blocks that are compressed and put, as plain values,
// into a Container. A container is only the place and the transaction: SQLite
// now, see package sqlite.
//
// A catalog is a cache. It can always be rebuilt from its repository, and
// damage in it is an error with syncline.CodeDamaged, which makes the owner
// throw it away. The package knows nothing of the repository format, of
// storage or of the server.
//
// # Layout
//
// Every value is framed with a CRC-32C of itself and its key. Blocks hold a
// fixed number of items, so an item's block is its number divided by that.
//
//	names      the distinct names, in blocks of 4,096, one after the other
//	entries    all of an entry but its name's text and its content list,
//	           column by column, in blocks of 512
//	contents   the content lists of the same 512 entries
//	scan       what a search reads: per entry its name's number, per directory
//	           entry its subtree's number, in blocks of 8,192
//	keys       per entry a 64-bit keyed hash of the bytes it was decoded from
//	trees      per tree its runs of entry numbers, in blocks of 128
//	hashes     the trees' names (SHA-256), in blocks of 1,024
//	states     a few bits per tree: decoded; complete with all below it; lost in
//	           the repository
//	snapshots  one value per visible snapshot
//	indexes    the index files read, and where their blobs lie
//	hidden     the snapshots that are in the repository and cannot be shown, 512
//	           in a value
//
// Numbers are only ever appended, and the last block of a kind is written anew
// when it grows. A reader's transaction sees one state of it all.
package catalog
