// Package catalog keeps the metadata of one repository: every tree (one version
// of one directory), decoded once and found by its hash, and the snapshots that
// can be shown. It stores no paths. A path follows from the trees.
//
// A catalog consists of numbers and columns. Distinct names, entries and trees
// get numbers in the order in which they arrive. A tree is a few ranges of entry
// numbers (runs). The columns are cut into blocks, and the blocks are compressed
// and stored as plain values in a Container. The container provides the place
// and the transactions; package sqlite implements one.
//
// A catalog is a cache. It can always be built again from its repository. Damage
// in it is an error with syncline.CodeDamaged, and its owner then throws it
// away. The package knows nothing about the repository format, the storage or
// the server.
//
// # Layout
//
// Every value carries a CRC-32C of its bytes, its kind and its number. A block
// holds a fixed number of items, so the number of an item gives its block.
//
//	names      the distinct names, in blocks of 4,096
//	entries    everything about an entry except the text of its name and its
//	           content list, column by column, in blocks of 512
//	contents   the content lists of the same 512 entries
//	scan       the column that a search reads: for each entry the number of its
//	           name, for each directory entry the number of its subtree, in
//	           blocks of 8,192
//	keys       for each entry a 64-bit keyed hash of the bytes that it was
//	           decoded from
//	trees      for each tree its runs of entry numbers, in blocks of 128
//	hashes     the SHA-256 of each tree, in blocks of 1,024
//	states     a few bits for each tree: decoded; complete with all trees below
//	           it; lost in the repository
//	snapshots  one value for each visible snapshot
//	indexes    the index files that were read, and the places of their blobs
//	hidden     the snapshots of the repository that cannot be shown, 512 in a
//	           value
//
// Numbers are only appended within a generation. The last block of a kind is
// written again when it grows. A transaction reads one state of all kinds.
package catalog
