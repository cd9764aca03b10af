package schedule

import (
	"cmp"
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
		unknown := false
		for _, d := range s.Disks {
			found, err := s.Space(d.Path)
			if err != nil {
				unknown = true // an alarm of it stays
				continue
			}
			free, keep := found.Free, d.Keep(found.Total)
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
		if unknown {
			return
		}
		s.logged("report the space of disks", "", s.disksLow(ctx, low))
	})
}

func (s *Service) disksLow(ctx context.Context, low []syncline.Condition) error {
	if s.DisksLow != nil {
		return s.DisksLow(ctx, low)
	}
	return s.Reporter.Report(ctx, syncline.AlarmStorageLow, "", low)
}

// The free space on a repository's file system below which it is low: a share of the
// whole, and so much at most.
const (
	lowShare, lowMost           = 20, 20 << 30
	criticalShare, criticalMost = 100, 4 << 30
)

// disksWithin is how long the file systems of all local repositories are waited for
// after a start, before any of them is told of.
const disksWithin = 10 * time.Minute

// diskOf returns the space of a local repository's file system, zero where it is not
// known.
func (s *Service) diskOf(r syncline.Repository) diskspace.Space {
	if s.Space == nil || r.Path == "" {
		return diskspace.Space{}
	}
	found, err := s.Space(r.Path)
	if err != nil || found.Total <= 0 {
		return diskspace.Space{}
	}
	return found
}

// lowDisk returns the condition of a repository's file system. Where several
// repositories share a file system, the oldest of them has the condition. known is false
// where nobody can tell.
func (s *Service) lowDisk(t *turn, found diskspace.Space, now time.Time) (low []syncline.Condition, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.disk, t.hasDisk = found, true
	if found.Total == 0 {
		return nil, false
	}
	r, others := t.repository, 0
	for _, u := range s.turns {
		switch {
		case u == t || u.repository.Path == "" || !s.here(u):
		case !u.hasDisk:
			if !u.plan.off() && now.Sub(s.begun) < disksWithin {
				return nil, false
			}
		case found.Device != 0 && u.disk.Device == found.Device:
			if older(u.repository, r) {
				return nil, true
			}
			others++
		}
	}
	severity := lowSeverity(found.Free, min(found.Total/lowShare, lowMost), min(found.Total/criticalShare, criticalMost))
	if severity == "" {
		return nil, true
	}
	whose := fmt.Sprintf("the repository %q", r.Name)
	if others > 0 {
		whose = fmt.Sprintf("%d repositories, %q among them,", others+1, r.Name)
	}
	return []syncline.Condition{{
		Kind: syncline.AlarmStorageLow, Severity: severity, RepositoryID: r.ID, Link: "/repositories/" + string(r.ID),
		Message: fmt.Sprintf("The file system of %s has %s of %s free; make room before a backup fails", whose, diskspace.Size(found.Free), diskspace.Size(found.Total)),
	}}, true
}

// older orders repositories by the time at which they were attached.
func older(a, b syncline.Repository) bool {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) < 0
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
