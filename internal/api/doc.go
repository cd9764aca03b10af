// Package api answers the v6 REST API over HTTPS: tokens, encryption keys, backup
// repositories, synchronization sessions with their events, restore points, and the
// page that describes them. The contract is the OpenAPI document in package v6. Every
// request is checked against it before a handler runs.
//
// It knows nothing of SQL, storages, catalogs or the repository format. Each group of
// handlers declares the few methods that it needs, and Config takes the
// implementations.
package api
