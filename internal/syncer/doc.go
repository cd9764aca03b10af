// Package syncer brings a repository's metadata into its catalog, in sessions.
//
// Run is one synchronization, start to end: list, plan, fetch, publish. The server
// and the command line both call it. Service is the kind of work that a session is on a
// server; package run starts, stops, resumes and records the sessions.
//
// # Protocol of a synchronization
//
// Run lists snapshots before it reads index files, as the format demands: the
// indexes that existed before a snapshot have all its trees. It reads every index
// file that is new to the catalog. It fetches every tree blob in the indexes that
// the catalog lacks, pack by pack in the order of the bytes, and never by walking.
// The catalog commits as trees arrive, so the work is kept whatever happens.
// Snapshots become visible at the end, in one transaction, and only those that
// have all their trees.
//
// If objects are missing, Run lists the index again, because another process may
// have repacked them. It reports and counts objects that are still damaged or
// missing, and synchronizes the rest.
package syncer
