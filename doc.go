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
//   - What is backed up: a [Snapshot] is one backup. A [RestorePoint] is a
//     snapshot in one attached repository. An [Entry] is a file, folder or link
//     in it.
//   - Where it lies: a [Repository] is a local folder or an [ObjectStorage],
//     which an [Account] opens. An [EncryptionKey] is the repository's password.
//   - Work: a [Session] synchronizes a repository, a [RestoreJob] restores files
//     on the server. Both move through the states of [WorkState].
//   - Who may: a [User] has a [Role].
//   - Names: an [ID] is a UUID that Syncline gave, a [Hash] is a name that
//     restic gave.
//   - Failures: an [Error] has a [Code] and a sentence for the user. Each edge
//     turns the code into its own form once: an HTTP status, an exit code.
//
// # The packages around it
//
// This package imports the standard library only. It knows nothing of HTTP, SQL,
// object storage or restic's format. One package implements each of these:
//
//   - package resticrepo reads the repository format, internal/storage reads
//     the objects below it.
//   - internal/syncer fills the catalog, internal/catalog keeps it.
//   - internal/explore answers questions from the catalog; its question and
//     answer types are its own.
//   - internal/content, internal/archive and internal/restore bring contents
//     back.
//   - internal/store keeps what the server has to remember, internal/auth
//     knows who may do what.
//   - internal/api is the REST API, package client is a client of it,
//     internal/console has the web pages.
//   - cmd/syncline is the program: server and command line in one.
//
// Packages that adapt a technology (storage, store, catalog, resticrepo) never
// import one another.
package syncline
