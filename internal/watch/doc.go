// Package watch has no code of its own. Its folders are the parts of the watch over the
// repositories and their backups: schedule, series, alarm and notify. Its test runs them
// together through a simulated quarter.
package watch
