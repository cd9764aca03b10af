package main

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// idLength is the length of a whole id.
const idLength = 36

// alarmID is the id of an alarm, or how one begins.
type alarmID string

// readAlarmID reads what a user gives as the id of an alarm. It asks no server.
func readAlarmID(text string) (alarmID, error) {
	if len(text) >= idLength {
		id, err := syncline.ParseID(text)
		return alarmID(id), err
	}
	text = strings.ToLower(text)
	if text == "" || strings.Trim(text, "0123456789abcdef-") != "" {
		return "", syncline.Errorf(syncline.CodeInvalid, "%q is no id of an alarm, nor how one begins; syncline alarms --all lists them", clipText(text))
	}
	return alarmID(text), nil
}

// find returns the whole id, which only one of all alarms has.
func (given alarmID) find(all iter.Seq2[client.Alarm, error]) (syncline.ID, error) {
	if len(given) == idLength {
		return syncline.ID(given), nil
	}
	kinds := make(map[syncline.ID]syncline.AlarmKind) // an alarm can come twice while others begin
	for a, err := range all {
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(string(a.ID), string(given)) {
			kinds[a.ID] = a.Kind
		}
	}
	found := slices.Sorted(maps.Keys(kinds))
	switch len(found) {
	case 0:
		return "", syncline.Errorf(syncline.CodeNotFound, "no alarm has an id that begins with %q; syncline alarms --all lists them", string(given))
	case 1:
		return found[0], nil
	}
	const most = 5
	var named []string
	for _, id := range found[:min(len(found), most)] {
		named = append(named, fmt.Sprintf("%s (%s)", id, printable(string(kinds[id]))))
	}
	if more := len(found) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return "", syncline.Errorf(syncline.CodeInvalid, "several alarms have an id that begins with %q: %s; give more digits", string(given), strings.Join(named, ", "))
}
