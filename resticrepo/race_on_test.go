//go:build race

package resticrepo

// raceDetector says that the race detector is on: it makes pools forget at
// random, so that allocations cannot be counted.
const raceDetector = true
