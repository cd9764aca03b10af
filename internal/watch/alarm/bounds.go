package alarm

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

// The bounds of one condition, in bytes. Host names and paths come from repositories.
const (
	maxSubject = 256
	maxHost    = 256
	maxMessage = 2000
	maxLink    = 2000
	maxPaths   = 100 // of them
	maxPath    = 1000
)

// bounded checks the conditions of one report and cuts what is too long. Two conditions
// with one subject become the heavier of them.
func bounded(kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) ([]syncline.Condition, error) {
	at := make(map[string]int, len(now))
	list := make([]syncline.Condition, 0, len(now))
	for _, c := range now {
		if c.Kind != kind || c.RepositoryID != repository || c.Severity.Rank() == 0 {
			return nil, syncline.Errorf(syncline.CodeInternal,
				"a condition of kind %s, severity %q and repository %q is in the report of kind %s and repository %q",
				c.Kind, c.Severity, c.RepositoryID, kind, repository)
		}
		c = cut(c)
		i, twice := at[c.Subject]
		switch {
		case !twice:
			at[c.Subject] = len(list)
			list = append(list, c)
		case c.Severity.Rank() > list[i].Severity.Rank():
			list[i] = c
		}
	}
	return list, nil
}

func cut(c syncline.Condition) syncline.Condition {
	if len(c.Subject) > maxSubject || c.Subject == rest {
		c.Subject = fmt.Sprintf("%x", sha256.Sum256([]byte(c.Subject)))
	}
	c.HostName, c.Message, c.Link = short(c.HostName, maxHost), short(c.Message, maxMessage), short(c.Link, maxLink)
	var paths []string
	for _, p := range c.Paths[:min(len(c.Paths), maxPaths)] {
		if len(p) > maxPath {
			p = short(p, maxPath)
		}
		paths = append(paths, p)
	}
	if len(c.Paths) > maxPaths {
		paths[maxPaths-1] = clip.Mark
	}
	c.Paths = paths
	return c
}

// short returns at most n bytes of a text, as UTF-8.
func short(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	return clip.Text(s, n-len(clip.Mark))
}

// names are the kinds in the words of a message.
var names = map[syncline.AlarmKind]string{
	syncline.AlarmBackupLate:            "late backups",
	syncline.AlarmBackupUnusual:         "unusual backups",
	syncline.AlarmRepositoryUnreachable: "places that are out of reach",
	syncline.AlarmRepositoryDamaged:     "damages",
	syncline.AlarmSynchronizationFailed: "failures of sessions",
	syncline.AlarmStorageLow:            "disks that are nearly full",
}

// together is the condition that stands for others, of which the first is the heaviest.
func together(others []syncline.Condition) syncline.Condition {
	worst := others[0]
	for _, c := range others {
		if c.Severity.Rank() > worst.Severity.Rank() {
			worst = c
		}
	}
	what, where := names[worst.Kind], " in this repository"
	if what == "" {
		what = "conditions of the same kind"
	}
	if worst.RepositoryID == "" {
		where = ""
	}
	return syncline.Condition{
		Kind: worst.Kind, Severity: worst.Severity, RepositoryID: worst.RepositoryID, Subject: rest,
		Message: fmt.Sprintf("and %d more %s%s; mend those that have alarms of their own, then these get theirs", len(others), what, where),
	}
}
