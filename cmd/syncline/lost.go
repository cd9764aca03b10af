package main

import (
	"fmt"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// missing is the error of an incomplete answer: the repository has lost a part of
// its subject.
func missing(format string, args ...any) error {
	return syncline.WrapError(syncline.CodeDamaged, catalog.ErrLost, format+"; run restic check on the repository", args...)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// incomplete is the error of an answer about snapshots that lack folders.
func incomplete(list []catalog.Snapshot) error {
	n := 0
	for i := range list {
		if list[i].Missing > 0 {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return missing("the repository has lost folders of %s; what is in them is neither found nor counted", plural(n, "snapshot", "snapshots"))
}

// tellHidden prints the snapshots that are in the repository and cannot be shown.
func (e *environment) tellHidden(list []syncline.HiddenSnapshot) {
	for i := range list {
		s := &list[i].Snapshot
		if list[i].Reason == syncline.HiddenDamaged {
			e.note("Ignoring %q: its file is damaged", s.ID.Short())
		} else {
			e.note("Ignoring %q of %s on %s: it is not synchronized yet", s.ID.Short(), s.Time.Local().Format(timeFormat), s.Hostname)
		}
	}
}

// tellIncomplete prints the snapshots of a list that lack folders.
func (e *environment) tellIncomplete(list []catalog.Snapshot) {
	for i := range list {
		switch s := &list[i]; {
		case s.Lost:
			e.note("%s cannot be shown: its root folder is missing or damaged in the repository", s.ID.Short())
		case s.Missing > 0:
			e.note("%s is incomplete: %s missing or damaged in the repository", s.ID.Short(), plural(s.Missing, "folder is", "folders are"))
		}
	}
}
