// Package jobs runs restores on the server: it checks where they may write,
// runs a few at once, records how they go before anyone is told, and continues
// them after a restart.
//
// The package knows nothing of requests. What a restore does is package
// restore's business.
package jobs
