package place

import (
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/storage"
)

// The outcome of a look is told as it is: a sample as a sample, and nothing where it is unknown.
func TestDescribeRetention(t *testing.T) {
	day := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, r := range map[string]storage.Retention{
		"":                                       {},
		"the storage keeps no file from removal": {Told: true, Whole: true, Looked: 3},
		"no file is kept from removal in a sample of 3 files":                                                        {Told: true, Looked: 3},
		"1 files have a hold without an end in a sample of 3 files":                                                  {Told: true, Looked: 3, Held: 1},
		"2 files are immutable until 2027-01-02 at the earliest and 2027-02-01 at the latest in a sample of 3 files": {Told: true, Looked: 3, Kept: 2, Oldest: day, Newest: day.AddDate(0, 0, 30)},
	} {
		if got := DescribeRetention(r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
	for want, r := range map[string]storage.Retention{
		"the rule for new files is governance, 30 days":                {Told: true, Looked: 3, Rule: "governance, 30 days"},
		"the credentials can only read":                                {Rights: storage.RightsRead},
		"the credentials can also write, which Syncline does not need": {Told: true, Whole: true, Rights: storage.RightsChange},
	} {
		if got := DescribeRetention(r); !strings.HasSuffix(got, want) || strings.HasPrefix(got, "; ") {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
	if got := DescribeRetention(storage.Retention{Looked: 4, Archived: 4, Rights: storage.RightsUnknown}); !strings.Contains(got, "4 of 4 files lie in an archive class") {
		t.Errorf("%q", got)
	}
}
