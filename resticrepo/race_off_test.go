//go:build !race

package resticrepo

// raceDetector says that the race detector is on.
const raceDetector = false
