// Package cron computes the turns of a cron expression in a time zone. It knows no
// schedule of Syncline's.
//
// netresearch/go-cron parses the expression. The package computes the turns itself:
// that library and robfig/cron, which gocron uses, repeat a turn when clocks go back,
// lose one that falls into a skipped hour, half hour or midnight, and end after five
// years. TestTurns has the cases.
package cron

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for machines without time zones

	parser "github.com/netresearch/go-cron"

	"syncline.dev/syncline"
)

// Expression is a parsed expression in a time zone.
//
// A day is a turn's when month, day of month and day of week match. If neither of the
// two days is written with a star, one that matches is enough.
//
// An expression with a star in its hours goes by the time that passes: every hour of
// the day has its turns, also one that the clock shows twice. Any other goes by the
// clock on the wall: a time that the clock shows twice has its turn at the first. A time
// that the clock skips has its turn at the skip.
type Expression struct {
	minutes, hours, days, months, weekdays uint64 // a bit for each value
	either                                 bool   // days or weekdays
	elapsed                                bool   // goes by the time that passes
	zone                                   *time.Location
}

// maxLength bounds an expression and the name of a zone.
const maxLength = 256

// maxDays bounds the search for a turn: the 29th of February comes after eight years at
// most.
const maxDays = 9 * 366

var fiveFields = parser.MustNewParser(parser.Minute | parser.Hour | parser.Dom | parser.Month | parser.Dow)

// Parse reads five fields as in crontab(5) and the name of a time zone in the IANA
// database, "" for UTC. Errors are CodeInvalid and begin with "cron" or "timeZone".
func Parse(expression, zone string) (*Expression, error) {
	location, err := Zone(zone)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(expression)
	if len(fields) != 5 || len(expression) > maxLength || strings.ContainsAny(expression, "=@") {
		return nil, syncline.Errorf(syncline.CodeInvalid,
			"cron must have five fields: minute, hour, day of month, month and day of week, as in \"30 3 * * 1-5\"")
	}
	parsed, err := fiveFields.Parse(strings.Join(fields, " "))
	spec, ok := parsed.(*parser.SpecSchedule)
	if err != nil || !ok || len(spec.DomConstraints)+len(spec.DowConstraints) > 0 {
		return nil, syncline.WrapError(syncline.CodeInvalid, err,
			"cron: %.60q cannot be read; write minute (0-59), hour (0-23), day of month (1-31), month (1-12) and day of week (0-7), as in \"30 3 * * 1-5\"", expression)
	}
	star := func(field int) bool { return strings.HasPrefix(fields[field], "*") || fields[field] == "?" }
	e := &Expression{
		minutes: spec.Minute, hours: spec.Hour, days: spec.Dom, months: spec.Month, weekdays: parser.NormalizeDOW(spec.Dow),
		either: !star(2) && !star(4), elapsed: star(1), zone: location,
	}
	if e.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, syncline.Errorf(syncline.CodeInvalid, "cron: %.60q names a day that never comes", expression)
	}
	return e, nil
}

// Zone returns a time zone by its name in the IANA database. "" is UTC.
func Zone(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" || len(name) > maxLength {
		return nil, syncline.WrapError(syncline.CodeInvalid, err,
			"timeZone: there is no time zone %.60q; give a name of the IANA database, as Europe/Berlin", name)
	}
	return location, nil
}

// Next returns the first turn after a time. It is zero if none comes within nine years.
func (e *Expression) Next(after time.Time) time.Time {
	local := after.In(e.zone)
	// A turn that the clock skips can come on the day after.
	for i := -1; i < maxDays; i++ {
		// In UTC every day has 24 hours, which makes this the arithmetic of a calendar.
		day := time.Date(local.Year(), local.Month(), local.Day()+i, 0, 0, 0, 0, time.UTC)
		if !e.matches(day) {
			continue
		}
		for _, turn := range e.turns(day) {
			if turn.After(after) {
				return turn.UTC()
			}
		}
	}
	return time.Time{}
}

func has(bits uint64, n int) bool { return bits&(1<<n) != 0 }

func (e *Expression) matches(day time.Time) bool {
	if !has(e.months, int(day.Month())) {
		return false
	}
	date, weekday := has(e.days, day.Day()), has(e.weekdays, int(day.Weekday()))
	if e.either {
		return date || weekday
	}
	return date && weekday
}

// turns returns the turns of a day in order.
func (e *Expression) turns(day time.Time) []time.Time {
	var turns []time.Time
	for hour := range 24 {
		if !has(e.hours, hour) {
			continue
		}
		for minute := range 60 {
			if has(e.minutes, minute) {
				turns = append(turns, e.moments(day.Add(time.Duration(hour*60+minute)*time.Minute))...)
			}
		}
	}
	slices.SortFunc(turns, time.Time.Compare)
	return turns
}

// moments returns when the clock of the zone shows a time, given in UTC: once, twice
// when clocks go back, or at the skip that leaves the time out.
func (e *Expression) moments(wall time.Time) []time.Time {
	const around = 26 * time.Hour // no two changes of a zone are as near
	_, before := wall.Add(-around).In(e.zone).Zone()
	_, after := wall.Add(around).In(e.zone).Zone()
	first, second := wall.Add(-time.Duration(before)*time.Second), wall.Add(-time.Duration(after)*time.Second)
	shows := func(t time.Time) bool {
		_, offset := t.In(e.zone).Zone()
		return t.Add(time.Duration(offset) * time.Second).Equal(wall)
	}
	switch {
	case shows(first) && shows(second) && !first.Equal(second) && e.elapsed:
		return []time.Time{first, second}
	case shows(first):
		return []time.Time{first}
	case shows(second):
		return []time.Time{second}
	}
	if skip, _ := first.In(e.zone).ZoneBounds(); !skip.IsZero() {
		return []time.Time{skip}
	}
	return []time.Time{first}
}
