// Package jobs is the kind of work that a restore on the server is: it checks where
// jobs may write, and lets a few run at once. Package run starts, stops, resumes and
// records them.
//
// The package knows nothing of requests. Package restore knows how to restore.
package jobs
