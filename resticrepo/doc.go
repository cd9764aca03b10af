// Package resticrepo reads restic repositories of the format versions 1 and 2:
// keys, configuration, snapshots, indexes, packs, trees and data blobs. It
// never writes and takes no locks.
//
// All results are authenticated. Where the format has a hash, they are also
// compared with it. The bytes of a repository are untrusted all the same,
// because everybody with a password can write anything. Sizes are bounded
// before memory is taken for them, and the time of each parser is bounded by
// the length of its input.
//
// The way through a repository is
//
//	repo, err := resticrepo.Open(ctx, storage, password)
//	snapshots, err := repo.Snapshots(ctx) // list these first
//	indexes, err := repo.Indexes(ctx)     // and then read the indexes they need
//	index, err := repo.LoadIndex(ctx, indexes[0])
//	raw, err := repo.LoadBlob(ctx, index.Packs[0].ID, index.Packs[0].Blobs[0])
//	nodes, err := resticrepo.ParseTree(raw)
//
// Decoder, SplitTree and ParseNode are for programs that read millions of
// blobs.
//
// The package does not know what a program does with a repository: it has no
// catalog, no sessions and no particular storage. It imports the standard
// library, golang.org/x/crypto and a zstd decoder.
//
// # Stability
//
// The module follows semantic versioning. Below v1.0.0 a minor version may
// change exported names, and CHANGELOG.md then says what to change. A patch
// version changes none. Fields may be added to structs at any time, so use
// their names in literals. The texts of errors may change; what errors.Is and
// errors.As match does not.
package resticrepo
