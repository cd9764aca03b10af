package syncer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

var (
	// ErrPartial matches the error of a complete synchronization of a
	// repository of which a part cannot be shown. Answers about the rest are
	// whole.
	ErrPartial = errors.New("not all of the repository can be shown")
	// ErrMarked matches an ErrPartial after which every snapshot is shown, with
	// a mark if it lacks folders. The catalog is then in sync with the
	// repository.
	ErrMarked = errors.New("what the repository has lost is marked")
)

// hides reports whether a new snapshot with this gap has nothing to show.
func (r *run) hides(g *catalog.Incomplete) bool {
	return (g.Root || !r.settled) && slices.ContainsFunc(r.fresh, func(s syncline.Snapshot) bool { return s.ID == g.Snapshot })
}

// verdict logs the outcome and returns the session's error about missing
// objects.
func (r *run) verdict(gaps []catalog.Incomplete) error {
	if r.stats.SnapshotsRemoved > 0 {
		r.log(syncline.LogInfo, "%s gone from the repository and no longer shown", plural(len(r.removed), "snapshot is", "snapshots are"))
	}
	for i := range gaps {
		r.logGap(&gaps[i])
	}
	if len(r.emptied) > 0 {
		return r.emptiness()
	}
	if len(gaps)+len(r.damagedSnapshots)+len(r.damagedIndexes) == 0 {
		r.traffic()
		r.log(syncline.LogSuccess, "Synchronized: %s shown, %d of them new; %s and %s added",
			plural(int(r.stats.SnapshotsTotal), "snapshot is", "snapshots are"), r.stats.SnapshotsAdded,
			plural(int(r.stats.TreesAdded), "folder version", "folder versions"),
			plural(int(r.stats.EntriesAdded), "entry", "entries"))
		return nil
	}
	kind := ErrPartial
	closed := func(g catalog.Incomplete) bool { return g.Root } // a snapshot without a root has nothing to show
	if r.settled && len(r.damagedSnapshots)+len(r.damagedIndexes) == 0 && !slices.ContainsFunc(gaps, closed) {
		kind = errors.Join(ErrPartial, ErrMarked)
	}
	if r.archived > 0 && r.stats.Damaged == 0 {
		return syncline.WrapError(syncline.CodeUnavailable, errors.Join(kind, syncline.ErrArchived),
			"%s cannot be shown whole, because %s in an archive class; bring back what the log names to a class that can be read at once, then synchronize again; the rest is synchronized",
			plural(len(gaps), "snapshot", "snapshots"), plural(r.archived, "pack lies", "packs lie"))
	}
	message := r.damage(gaps) + "; the rest is synchronized; run restic check on the repository"
	if r.locker != "" {
		return syncline.WrapError(syncline.CodeLocked, kind,
			"%s; the repository is locked exclusively by %s, so this may be passing: synchronize again when that has ended", message, r.locker)
	}
	return syncline.WrapError(syncline.CodeDamaged, kind, "%s", message)
}

// damage describes everything that cannot be shown, each fault once.
func (r *run) damage(gaps []catalog.Incomplete) string {
	hidden, partial, folders := len(r.damagedSnapshots), 0, 0
	for i := range gaps {
		folders += len(gaps[i].Missing)
		if r.hides(&gaps[i]) || gaps[i].Root {
			hidden++
		} else {
			partial++
		}
	}
	var parts []string
	if hidden > 0 {
		parts = append(parts, plural(hidden, "snapshot", "snapshots")+" cannot be shown")
	}
	if partial > 0 {
		parts = append(parts, plural(partial, "snapshot is incomplete", "snapshots are incomplete"))
	}
	if objects := folders + len(r.damagedSnapshots) + len(r.damagedIndexes); objects > 0 {
		parts = append(parts, plural(objects, "object is missing or damaged", "objects are missing or damaged"))
	}
	return strings.Join(parts, ", ")
}

func (r *run) logGap(g *catalog.Incomplete) {
	what := fmt.Sprintf("%s missing below it", plural(g.Folders, "folder is", "folders are"))
	switch {
	case g.Root:
		r.log(syncline.LogError, "Snapshot %s cannot be shown: its root folder is missing%s", g.Snapshot.Short(), r.example(g))
	case r.hides(g):
		r.log(syncline.LogError, "Snapshot %s is not shown: %s%s", g.Snapshot.Short(), what, r.example(g))
	default:
		r.log(syncline.LogError, "Snapshot %s is incomplete: %s%s", g.Snapshot.Short(), what, r.example(g))
	}
}

// emptiness is the error of a session that found an empty listing where files
// are known. The listing may be right, but the operator has to know.
func (r *run) emptiness() error {
	err := syncline.Errorf(syncline.CodeDamaged,
		"the repository's folder %q is empty or gone, and %s known from it; nothing was removed from the catalog because of that; "+
			"check the storage; if everything was really forgotten and pruned, remove the repository from Syncline",
		strings.Join(r.emptied, `" and "`), plural(int(r.stats.SnapshotsTotal)+len(r.hidden), "snapshot is", "snapshots are"))
	if !slices.Contains(r.emptied, "snapshots") {
		err.Err = ErrPartial
	}
	return err
}

func (r *run) example(g *catalog.Incomplete) string {
	if len(g.Missing) == 0 {
		return " (named above)"
	}
	h := g.Missing[0]
	if why, ok := r.failed[h]; ok {
		return fmt.Sprintf(" (tree %s: %s)", h.Short(), why)
	}
	return fmt.Sprintf(" (tree %s is in no index)", h.Short())
}
