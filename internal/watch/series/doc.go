// Package series watches the series of backups: when the snapshots of each were first
// seen, how often it is backed up, and whether it is late. It reads catalogs by their
// lists of snapshots, and tells a Reporter which conditions hold. It knows nothing of
// HTTP, of schedules, and of what becomes of a condition.
package series
