// Package api answers the v6 REST API over HTTPS: tokens, encryption keys,
// backup repositories, synchronization sessions with their events, restore
// points, and the page that describes it all. The contract itself is the
// OpenAPI document in package v6; requests are checked against it before any
// handler runs.
//
// It knows nothing of SQL, storages, catalogs or the repository format: what
// it needs is declared here as small interfaces, and whoever starts the server
// passes implementations in.
package api
