package api

import (
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const (
	cacheUnsupported     = "Syncline keeps its catalogs in its data directory; leave it out"
	retentionUnsupported = "Syncline applies no retention and deletes no backups"
	scheduleUnsupported  = "Syncline applies no retention and needs no time for it; leave it out"
	settingUnsupported   = "Syncline has no such setting; leave it out"
)

// refuse fails when the body sets a field of v6 that cannot be honoured. Values
// that say nothing pass: an absent field, null, a zero id, false, and 0 for a
// number of days or months. Any other value would be a promise. The id is the
// repository's, or empty for a new one.
func refuse(b *v6.BackupRepositoryFromClient, id syncline.ID) error {
	for _, f := range []struct {
		name, why string
		refused   bool
	}{
		{"objectStorageCachePath", cacheUnsupported, deref(b.ObjectStorageCachePath) != ""},
		{"attachUsedRepository", settingUnsupported, deref(b.AttachUsedRepository)},
		{"isLongTerm", "Syncline keeps no long-term copies; leave it out", deref(b.IsLongTerm)},
		{
			"retentionPeriodType", retentionUnsupported + "; only Yearly is taken",
			b.RetentionPeriodType != nil && *b.RetentionPeriodType != "Yearly",
		},
		{
			"yearlyRetentionPeriod", retentionUnsupported + "; only Keep is taken",
			b.YearlyRetentionPeriod != nil && *b.YearlyRetentionPeriod != "Keep",
		},
		{"dailyRetentionPeriod", retentionUnsupported + "; leave it out", deref(b.DailyRetentionPeriod) != 0},
		{"monthlyRetentionPeriod", retentionUnsupported + "; leave it out", deref(b.MonthlyRetentionPeriod) != 0},
		{"retentionFrequencyType", scheduleUnsupported, b.RetentionFrequencyType != nil},
		{"dailyTime", scheduleUnsupported, deref(b.DailyTime) != ""},
		{"dailyType", scheduleUnsupported, b.DailyType != nil},
		{"monthlyTime", scheduleUnsupported, deref(b.MonthlyTime) != ""},
		{"monthlyDaynumber", scheduleUnsupported, b.MonthlyDaynumber != nil},
		{"monthlyDayofweek", scheduleUnsupported, b.MonthlyDayofweek != nil},
	} {
		if f.refused {
			return invalid("%s cannot be honoured: %s", f.name, f.why)
		}
	}
	if saysID(b.ID) && !strings.EqualFold(string(*b.ID), string(id)) {
		return invalid("id cannot be chosen or changed; leave it out")
	}
	return nil
}

// saysID reports whether a field names something.
func saysID(id *syncline.ID) bool { return id != nil && *id != zeroID }
