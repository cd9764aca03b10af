// Package unusual says how a backup differs from the past of its series, by counts of
// its files alone. It knows nothing of catalogs, of names and of alarms, and never says
// why a backup differs.
package unusual

import "math"

// MaxPast is how many backups the past of a series has.
const MaxPast = 64

// Measure is how a backup differs from the one before it. Counts are of files.
type Measure struct {
	FilesBefore uint64 `json:"fb"`
	BytesBefore uint64 `json:"bb"`
	Files       uint64 `json:"f"`
	Bytes       uint64 `json:"b"`
	Added       uint64 `json:"a"`
	Removed     uint64 `json:"r"`
	Changed     uint64 `json:"c"` // another content under the same name
	// Renamed are both among Added and Removed: the same content under another name.
	Renamed uint64 `json:"n"`
	// NewKinds are files among Added whose names have an ending that the series never
	// had.
	NewKinds uint64 `json:"k"`
	// Flagged says that the backup was found unusual.
	Flagged bool `json:"u,omitempty"`
}

// Feature is a way in which a backup can be unusual.
type Feature string

// The features.
const (
	Touched  Feature = "Touched"  // files changed or removed
	Removed  Feature = "Removed"  // files removed
	Renamed  Feature = "Renamed"  // files renamed
	NewKinds Feature = "NewKinds" // files with new endings
	Grown    Feature = "Grown"    // more files or more bytes
	Shrunk   Feature = "Shrunk"   // fewer bytes
)

// Finding is one way in which a backup is unusual.
type Finding struct {
	Feature Feature `json:"feature"`
	Files   uint64  `json:"files"` // concerned
	Share   float64 `json:"share"` // of the files before; of Grown and Shrunk the factor
	Usual   float64 `json:"usual"` // the mean of the past, in the same unit
}

const (
	// minPast is how many backups it takes to know what is usual.
	minPast = 5
	// deviations is how far from the mean a backup is unusual.
	deviations = 3
	// floorShare and floorFiles are the floors of shares: small changes and those in
	// small folders are never unusual. New endings have a lower share.
	floorShare, floorKinds = 0.08, 0.02
	floorFiles             = 100
	// floorFactor and floorBytes are those of sizes.
	floorFactor = 1.5
	floorBytes  = 100 << 20
	// fewFlagged is how many unusual backups in the past are set aside. A series with more
	// is restless: a backup has to exceed all of them by restlessFactor.
	fewFlagged, restlessFactor = 2, 1.25
	// smallest is added to a number before its logarithm is taken.
	smallest = 0.005
)

// feature computes one number of a measure.
type feature struct {
	name  Feature
	floor float64
	value func(m *Measure) (value float64, files uint64)
}

var features = []feature{
	{Touched, floorShare, func(m *Measure) (float64, uint64) { return m.share(m.Changed + m.Removed - m.Renamed) }},
	{Removed, floorShare, func(m *Measure) (float64, uint64) { return m.share(m.Removed - m.Renamed) }},
	{Renamed, floorShare, func(m *Measure) (float64, uint64) { return m.share(m.Renamed) }},
	{NewKinds, floorKinds, func(m *Measure) (float64, uint64) { return m.share(m.NewKinds) }},
	{Grown, math.Log(floorFactor), func(m *Measure) (float64, uint64) { return max(m.growth(), m.multiplied()), m.Added - m.Renamed }},
	{Shrunk, math.Log(floorFactor), func(m *Measure) (float64, uint64) { return -m.growth(), m.Removed - m.Renamed }},
}

// share is a share of the files before.
func (m *Measure) share(files uint64) (float64, uint64) {
	if m.FilesBefore == 0 {
		return 0, files
	}
	return float64(files) / float64(m.FilesBefore), files
}

// growth is the logarithm of the factor by which the bytes have grown; 0 for a
// difference below the floor.
func (m *Measure) growth() float64 {
	if m.Bytes == 0 || m.BytesBefore == 0 || max(m.Bytes, m.BytesBefore)-min(m.Bytes, m.BytesBefore) < floorBytes {
		return 0
	}
	return math.Log(float64(m.Bytes) / float64(m.BytesBefore))
}

// multiplied is the same of the number of files, if there are more.
func (m *Measure) multiplied() float64 {
	if m.FilesBefore == 0 || m.Files < m.FilesBefore+2*floorFiles {
		return 0
	}
	return math.Log(float64(m.Files) / float64(m.FilesBefore))
}

// Judge says in which ways a backup differs from the past of its series, the newest of
// which is last. A feature is unusual above a floor and beyond three standard deviations
// from the mean of the past, both of the numbers and of their logarithms: the one is
// right for numbers that come evenly, the other for those with a long tail. A series
// with many unusual backups has to exceed the largest of them as well.
func Judge(past []Measure, m Measure) (found []Finding) {
	past, restless := usual(past)
	if len(past) < minPast {
		return nil
	}
	for _, f := range features {
		value, files := f.value(&m)
		if value < f.floor || files < floorFiles && f.name != Grown && f.name != Shrunk {
			continue
		}
		mean, limit := f.usual(past)
		if restless {
			limit = max(limit, restlessFactor*f.largest(past))
		}
		if value <= limit {
			continue
		}
		if f.name == Removed && len(found) > 0 && m.Changed == 0 {
			found = found[:0] // Touched says the same
		}
		if f.name == Grown || f.name == Shrunk {
			value, mean = math.Exp(value), math.Exp(mean)
		}
		found = append(found, Finding{f.name, files, value, mean})
	}
	return found
}

// usual returns the past without the backups that were unusual. In a restless series
// these are many, and stay.
func usual(past []Measure) (left []Measure, restless bool) {
	past = past[max(0, len(past)-MaxPast):]
	for i := range past {
		if !past[i].Flagged {
			left = append(left, past[i])
		}
	}
	if len(past)-len(left) > fewFlagged {
		return past, true
	}
	return left, false
}

// usual returns the mean of the past, and the number beyond which a feature is unusual.
func (f feature) usual(past []Measure) (mean, limit float64) {
	values, logs := make([]float64, len(past)), make([]float64, len(past))
	for i := range past {
		values[i], _ = f.value(&past[i])
		logs[i] = math.Log(max(0, values[i]) + smallest)
	}
	mean, deviation := spread(values)
	logMean, logDeviation := spread(logs)
	return mean, max(mean+deviations*deviation, math.Exp(logMean+deviations*logDeviation)-smallest)
}

func (f feature) largest(past []Measure) (largest float64) {
	for i := range past {
		value, _ := f.value(&past[i])
		largest = max(largest, value)
	}
	return largest
}

// spread returns the mean and the standard deviation.
func spread(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values)))
}
