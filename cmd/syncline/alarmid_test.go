package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// An id of an alarm can be cut short where only one alarm begins so.
func TestAlarmIDs(t *testing.T) {
	t.Parallel()
	ids := []string{"5d0f0c55-0000-4000-8000-00000000a001", "5d0f0c55-1000-4000-8000-00000000a002", "6e000000-0000-4000-8000-00000000a003"}
	for i := range 9 {
		ids = append(ids, fmt.Sprintf("77777777-000%d-4000-8000-000000000000", i))
	}
	all := func(yield func(client.Alarm, error) bool) {
		for _, id := range append(ids, ids[0]) { // pages overlap
			if !yield(client.Alarm{ID: syncline.ID(id), Kind: syncline.AlarmBackupLate}, nil) {
				return
			}
		}
	}
	for text, want := range map[string]string{
		"6":                                    ids[2],
		"6E0":                                  ids[2],
		"5d0f0c55-0":                           ids[0],
		"5d0f0c55-1000":                        ids[1],
		strings.ToUpper(ids[0]):                ids[0],
		"99999999-0000-4000-8000-000000000000": "99999999-0000-4000-8000-000000000000", // the server says that there is none
		"5d0f0c55":                             "several alarms have an id that begins with \"5d0f0c55\": " + ids[0] + " (BackupLate), " + ids[1] + " (BackupLate); give more digits",
		"7":                                    "77777777-0004-4000-8000-000000000000 (BackupLate), and 4 more; give more digits",
		"8":                                    "no alarm has an id that begins",
		"":                                     "no id of an alarm",
		"6e%":                                  "no id of an alarm",
		"main":                                 "no id of an alarm",
		strings.Repeat("5", 40):                "not a UUID",
	} {
		given, err := readAlarmID(text)
		var id syncline.ID
		if err == nil {
			id, err = given.find(all)
		}
		got := string(id)
		if err != nil {
			got = syncline.MessageOf(err)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	broken := syncline.Errorf(syncline.CodeUnavailable, "away")
	_, err := alarmID("6").find(func(yield func(client.Alarm, error) bool) { yield(client.Alarm{}, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
