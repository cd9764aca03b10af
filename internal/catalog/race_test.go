//go:build race

package catalog_test

// The race detector makes everything some ten times slower.
const raceEnabled = true
