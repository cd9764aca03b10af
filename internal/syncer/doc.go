// Package syncer brings a repository's metadata into its catalog, in sessions.
//
// Run is one synchronization, start to end: list, plan, fetch, publish. The server
// and the command line both call it. Service is the kind of work that a session is on a
// server; package run starts, stops, resumes and records the sessions.
//
// # Protocol of a synchronization
//
// Snapshots are listed before index files are read, as the format demands: a
// snapshot's trees are in the indexes that existed before it. Every index file
// that was not read before is read; every tree blob in them that the catalog
// lacks is fetched, pack by pack in the order of the bytes, never by walking.
// The catalog commits as trees arrive, so work is kept whatever happens.
// Snapshots become visible at the end, in one transaction, and only those that
// have all their trees.
//
// When objects turn out to be missing, the index is listed once more: another
// process may have repacked. Whatever is damaged or missing then is told and
// counted, and the rest is synchronized.
package syncer
