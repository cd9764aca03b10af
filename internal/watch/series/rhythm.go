package series

import (
	"slices"
	"time"

	"syncline.dev/syncline"
)

const (
	// maxGaps is how many of the last gaps make a rhythm, and minGaps how many it takes.
	maxGaps, minGaps = 20, 4
	// minLimit is the silence that is never late without a rule.
	minLimit = 2 * time.Hour
)

// Rhythm returns the 90th percentile of the last 20 gaps between backups: the smallest
// gap that nine of ten gaps do not exceed (nearest rank). With fewer than four gaps it is
// 0, for none. The ring is in the order of At.
func Rhythm(ring []syncline.CountedSighting) time.Duration {
	ring = ring[max(0, len(ring)-maxGaps-1):]
	if len(ring) < minGaps+1 {
		return 0
	}
	gaps := make([]time.Duration, len(ring)-1)
	for i := range gaps {
		gaps[i] = ring[i+1].At.Sub(ring[i].At)
	}
	slices.Sort(gaps)
	return gaps[(9*len(gaps)+9)/10-1]
}

// limitOf returns the silence after which a series with a rhythm is late.
func limitOf(rhythm time.Duration) time.Duration { return max(minLimit, rhythm+rhythm/2) }
