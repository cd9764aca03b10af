// Package syncline holds the domain of Syncline: the types and words that all
// of its packages share.
//
// Syncline reads backup repositories in restic's format. It never writes to
// them. A synchronization reads the metadata of a repository (its snapshots,
// folders and indexes) into a catalog on this machine. Questions are answered
// from the catalog: what a folder holds, where a file is, how it changed, what
// takes the space. Contents come out of the repository itself, as downloads,
// archives and restores.
//
// # The domain
//
//   - Backups (backup.go): a [Snapshot] is one backup. A [RestorePoint] is a
//     snapshot in one attached repository. An [Entry] is a file, folder or link
//     in it.
//   - Places (repository.go): a [Repository] lies in a local folder or in an
//     [ObjectStorage], which an [Account] opens. An [EncryptionKey] is the
//     repository's password.
//   - Work (work.go): a [Session] synchronizes a repository, a [RestoreJob]
//     restores files on the server. Both move through the states of [WorkState].
//   - Users (user.go): a [User] has a [Role], and the role has rights.
//   - Names (id.go): Syncline gives its own things an [ID]. restic gives blobs,
//     packs, indexes and snapshots a [Hash].
//   - Failures (errors.go): an [Error] has a [Code] and a sentence for the user.
//     The API turns the code into an HTTP status, the command line into an exit
//     status, each in one place.
//
// # The packages around it
//
// This package imports the standard library only. It knows nothing of HTTP, SQL,
// object storage or restic's format. The packages around it do:
//
//   - resticrepo, a public library, reads restic's format. internal/storage reads
//     the objects, and internal/place finds and opens a repository's place.
//   - internal/run runs work. internal/syncer and internal/restore/jobs are its
//     two kinds.
//   - internal/catalog keeps the metadata of repositories. internal/explore
//     answers questions from it, in types of its own.
//   - internal/content, internal/archive and internal/restore bring contents
//     back.
//   - internal/store keeps the server's records, and internal/auth checks
//     passwords and tokens.
//   - internal/api is the REST API, internal/console has the web pages, and
//     client, a public library, uses the API from other programs.
//   - internal/server puts the server together. cmd/syncline has the commands.
//
// Packages that adapt a technology (storage, store, catalog, resticrepo) never
// import one another.
package syncline
