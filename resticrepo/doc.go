// Package resticrepo reads restic repositories of the format versions 1 and 2:
// keys, configuration, snapshots, indexes, packs, trees and data blobs. It
// never writes and takes no locks.
//
// Everything it hands out was authenticated and, where the format has a hash
// for it, compared with that hash. The bytes of a repository are treated as
// untrusted even so: whoever holds a password can write anything. Sizes are
// bounded before memory is taken for them, and every parser is bounded in time
// by the length of its input.
//
// The way through a repository is
//
//	repo, err := resticrepo.Open(ctx, storage, password)
//	snapshots, err := repo.Snapshots(ctx) // list these first
//	indexes, err := repo.Indexes(ctx)     // and then read what they rest on
//	index, err := repo.LoadIndex(ctx, indexes[0])
//	raw, err := repo.LoadBlob(ctx, index.Packs[0].ID, index.Packs[0].Blobs[0])
//	nodes, err := resticrepo.ParseTree(raw)
//
// with Decoder, SplitTree and ParseNode for those who read millions of blobs.
//
// The package knows nothing of what is done with a repository: no catalog, no
// sessions, no particular storage. It imports the standard library,
// golang.org/x/crypto and a zstd decoder.
package resticrepo
