// Package fleet gives the signs of life of a node, and knows the other nodes by theirs.
// It knows nothing of work, of HTTP and of databases: a store keeps the signs.
//
// The states of a node, as its last sign of life and the clock of the database tell them:
//
//	online ──> offline   no sign for the time Alive, or a farewell
//	   ^          │
//	   └──────────┘      its next sign
//
// Beside that, a node is in maintenance mode or not. The store keeps the mode, so that it
// survives a restart, and only SetMaintenance changes it.
package fleet
