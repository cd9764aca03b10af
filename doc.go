// Package syncline holds the domain of the backup repository server:
// repositories, snapshots and the entries in them, synchronization sessions
// and their states, identifiers and error codes.
//
// It imports the standard library only and knows nothing of HTTP, SQL, object
// storage or the repository format. Adapters (storage, store, catalog, api)
// import it and never one another.
package syncline
