// Package fleet simulates a fleet: ten nodes that share a thousand repositories on one
// PostgreSQL. The storage of the repositories is simulated, and answers late.
package fleet
