package series

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/watch/unusual"
)

// criticalShare is the share of changed, removed and renamed files from which on an
// unusual backup is critical.
const criticalShare = 0.5

// newFinding says in which ways a backup is unusual, and where. points are the backup
// before it and the backup.
func newFinding(r *syncline.Repository, x *syncline.Series, points []syncline.RestorePoint, c *comparison, found []unusual.Finding, now time.Time) *finding {
	severity := syncline.SeverityWarning
	var parts []string
	for _, f := range found {
		if f.Feature != unusual.Grown && f.Feature != unusual.Shrunk && f.Share >= criticalShare {
			severity = syncline.SeverityCritical
		}
		parts = append(parts, findingText(f, c))
	}
	text := fmt.Sprintf("The backup of %s in the repository %q that claims %s is unusual: %s.",
		name(x), r.Name, timeText(points[1].Snapshot.Time), strings.Join(parts, "; "))
	if where := most(c.folders, 3); len(where) > 0 {
		text += " Most of it is in " + inWords(where) + "."
	}
	return &finding{
		Message:  text + " Compare it with the one before, and look after the machine if nobody meant this.",
		Severity: severity, Link: comparePath(points[0].ID, points[1].ID), At: now,
	}
}

func findingText(f unusual.Finding, c *comparison) string {
	share := fmt.Sprintf("%d of %d files (%s)", f.Files, c.FilesBefore, percent(f.Share))
	usual := ", usually " + percent(f.Usual)
	switch f.Feature {
	case unusual.Touched:
		return share + " changed or went" + usual
	case unusual.Removed:
		return share + " went" + usual
	case unusual.Renamed:
		return share + " have other names" + usual
	case unusual.NewKinds:
		return fmt.Sprintf("%d new files have endings that it never had (%s)", f.Files, inWords(most(c.fresh, 5)))
	case unusual.Grown:
		return fmt.Sprintf("it grew from %d files with %s to %d with %s", c.FilesBefore, sizeText(c.BytesBefore), c.Files, sizeText(c.Bytes))
	case unusual.Shrunk:
		return fmt.Sprintf("it shrank from %s to %s", sizeText(c.BytesBefore), sizeText(c.Bytes))
	}
	return string(f.Feature)
}

func percent(share float64) string {
	if share < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", math.Floor(100*share))
}

func sizeText(bytes uint64) string {
	return diskspace.Size(int64(min(bytes, math.MaxInt64))) //nolint:gosec // cut off just before
}

// reportUnusual tells the reporter which unusual backups are to be told of.
func (s *Service) reportUnusual(ctx context.Context) error {
	if s.Comparer == nil || s.Reporter == nil {
		return nil
	}
	st, err := s.state(ctx)
	if err != nil {
		return err
	}
	for i := range st.repositories {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := &st.repositories[i]
		if err := s.tell(ctx, syncline.AlarmBackupUnusual, r.ID, st.unusual(r)); err != nil {
			return err
		}
	}
	return nil
}

// unusual returns the conditions of unusual backups in a repository.
func (st *state) unusual(r *syncline.Repository) (all []syncline.Condition) {
	for i := range st.series[r.ID] {
		x := &st.series[r.ID][i]
		f := findingOf(st.examined[x.ID].Unusual)
		if f == nil || !x.RetiredAt.IsZero() {
			continue
		}
		all = append(all, syncline.Condition{
			Kind: syncline.AlarmBackupUnusual, Severity: f.Severity, RepositoryID: r.ID, Subject: string(x.ID),
			HostName: x.HostName, Paths: x.Paths, Message: f.Message, Link: f.Link,
		})
	}
	return all
}

// findingOf reads a finding as it is kept, nil for none.
func findingOf(kept string) *finding {
	if kept == "" {
		return nil
	}
	f := new(finding)
	if json.Unmarshal([]byte(kept), f) != nil {
		return nil
	}
	return f
}
