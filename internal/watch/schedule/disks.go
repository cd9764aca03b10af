package schedule

import (
	"context"
	"fmt"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
)

// Disk is a file system of the server's own.
type Disk struct {
	Subject string // of its condition
	What    string // is kept on it, after "the disk of"
	Path    string
	// Keep returns the space in bytes that is to stay free on a disk of total bytes.
	Keep func(total int64) int64
}

// disksEvery is the time between two looks at the server's own disks.
const disksEvery = 5 * time.Minute

// lookAtDisks looks at the server's own disks, in the background: a disk can hang.
func (s *Service) lookAtDisks(ctx context.Context, now time.Time) {
	if s.Space == nil || len(s.Disks) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.looked)
	if s.looking || !s.looked.IsZero() && age >= 0 && age < disksEvery {
		return
	}
	s.looking, s.looked = true, now
	s.wg.Go(func() {
		var low []syncline.Condition
		for _, d := range s.Disks {
			total, free, err := s.Space(d.Path)
			if err != nil {
				continue
			}
			keep := d.Keep(total)
			if severity := lowSeverity(free, 2*keep, keep); severity != "" {
				low = append(low, syncline.Condition{
					Kind: syncline.AlarmStorageLow, Severity: severity, Subject: d.Subject,
					Message: fmt.Sprintf("The disk of the %s has %s free, and %s of it are kept free; make room", d.What, diskspace.Size(free), diskspace.Size(keep)),
				})
			}
		}
		s.mu.Lock()
		s.looking = false
		s.mu.Unlock()
		s.logged("report the space of disks", "", s.Reporter.Report(ctx, syncline.AlarmStorageLow, "", low))
	})
}

// The free space on a repository's file system below which it is low: a share of the
// whole, and so much at most.
const (
	lowShare, lowMost           = 20, 20 << 30
	criticalShare, criticalMost = 100, 4 << 30
)

// lowFolder returns the condition of a local repository's file system. known is false
// where the system does not tell its space.
func (s *Service) lowFolder(r syncline.Repository) (low []syncline.Condition, known bool) {
	if s.Space == nil || r.Path == "" {
		return nil, false
	}
	total, free, err := s.Space(r.Path)
	if err != nil || total <= 0 {
		return nil, false
	}
	severity := lowSeverity(free, min(total/lowShare, lowMost), min(total/criticalShare, criticalMost))
	if severity == "" {
		return nil, true
	}
	return []syncline.Condition{{
		Kind: syncline.AlarmStorageLow, Severity: severity, RepositoryID: r.ID, Link: "/repositories/" + string(r.ID),
		Message: fmt.Sprintf("The file system of the repository has %s of %s free; make room before a backup fails", diskspace.Size(free), diskspace.Size(total)),
	}}, true
}

// lowSeverity is the severity of so much free space, "" for enough.
func lowSeverity(free, low, critical int64) syncline.Severity {
	switch {
	case free < critical:
		return syncline.SeverityCritical
	case free < low:
		return syncline.SeverityWarning
	}
	return ""
}
