package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// MaxRing is how many sightings are kept of a series.
const MaxRing = 64

// SeriesRecord is a series with its past: the sightings that count, oldest first, the
// last MaxRing of them.
type SeriesRecord struct {
	syncline.Series
	Ring []syncline.CountedSighting
}

// Series keeps the watched series of backups, and when their snapshots were first seen.
// All of it goes with its repository. An unknown repository is CodeNotFound.
type Series interface {
	// Series returns the series of a repository, or of all with "", oldest first.
	Series(ctx context.Context, repository syncline.ID) ([]syncline.Series, error)
	// SeriesRing returns the past of a series, nothing for an unknown one.
	SeriesRing(ctx context.Context, series syncline.ID) ([]syncline.CountedSighting, error)
	// SaveSeries adds series, or replaces all of them but AddedAt and the retirement.
	SaveSeries(ctx context.Context, repository syncline.ID, records []SeriesRecord) error
	// SetRetired retires series, or with the zero time watches them again. It leaves out
	// those that are unknown, or retired already.
	SetRetired(ctx context.Context, series []syncline.ID, by string, at time.Time) error
	// DeleteSeries deletes series; it leaves out unknown ones.
	DeleteSeries(ctx context.Context, series []syncline.ID) error

	// Sightings returns the sightings of a repository's snapshots, in no order.
	Sightings(ctx context.Context, repository syncline.ID) ([]syncline.Sighting, error)
	// AddSightings adds sightings, a part at a time. A snapshot that has one keeps it.
	AddSightings(ctx context.Context, repository syncline.ID, sightings []syncline.Sighting) error
	// RemoveSightings removes the sightings of snapshots, a part at a time.
	RemoveSightings(ctx context.Context, repository syncline.ID, snapshots []syncline.Hash) error

	// Looks returns what SetLook was given last for each repository.
	Looks(ctx context.Context) ([]syncline.Look, error)
	SetLook(ctx context.Context, l syncline.Look) error
}

// Examination is what the comparisons of a series' backups have left.
type Examination struct {
	SeriesID syncline.ID
	Snapshot syncline.Hash // the last one that was looked at
	// Past and Unusual are in forms of the examiner's own; Unusual is "" while nothing
	// is unusual.
	Past, Unusual string
	// Skipped says that there was too much to compare.
	Skipped bool
}

// Examinations keeps how the backups of series differ from one another. They go with
// their series.
type Examinations interface {
	// Examinations returns those of a repository's series, or of all with "", without
	// Past.
	Examinations(ctx context.Context, repository syncline.ID) ([]Examination, error)
	// Examination returns that of a series, one without a snapshot where there is none.
	Examination(ctx context.Context, series syncline.ID) (Examination, error)
	// SaveExamination adds or replaces one. An unknown series is CodeNotFound.
	SaveExamination(ctx context.Context, e Examination) error
}

// AlarmRules keeps the rules of alarms. Names compare without regard to letter case.
type AlarmRules interface {
	// AlarmRules returns all of them, oldest first.
	AlarmRules(ctx context.Context) ([]syncline.AlarmRule, error)
	AlarmRule(ctx context.Context, id syncline.ID) (syncline.AlarmRule, error)
	// AddAlarmRule fails with CodeConflict when the name is taken, and with CodeInvalid
	// when the rule names a repository that does not exist. A rule of one repository goes
	// with it.
	AddAlarmRule(ctx context.Context, r syncline.AlarmRule) error
	// UpdateAlarmRule replaces everything but id, kind and CreatedAt.
	UpdateAlarmRule(ctx context.Context, r syncline.AlarmRule) error
	DeleteAlarmRule(ctx context.Context, id syncline.ID) error
}
