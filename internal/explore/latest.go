package explore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// ErrNotShown matches the error of a snapshot that is in the repository but
// cannot be shown.
var ErrNotShown = errors.New("the snapshot cannot be shown")

// SnapshotList has a repository's snapshots: those that can be shown, oldest
// first, and the hidden ones.
type SnapshotList struct {
	Shown  []catalog.Snapshot
	Hidden []syncline.HiddenSnapshot
}

// ListSnapshots returns a catalog's snapshots.
func ListSnapshots(v *catalog.View) (list SnapshotList, err error) {
	if list.Shown, err = v.Snapshots(); err == nil {
		list.Hidden, err = v.Hidden()
	}
	return list, err
}

// Latest returns the newest snapshot of the repository that the filter chooses.
// The error is ErrNotShown if this snapshot is hidden, or if a snapshot's file
// is damaged, so that its time is unknown. It names that snapshot and the
// newest one that can be shown. No snapshot at all is CodeNotFound.
func (f SnapshotFilter) Latest(list SnapshotList) (catalog.Snapshot, error) {
	var newest *catalog.Snapshot
	for i := range slices.Backward(list.Shown) {
		if f.Matches(&list.Shown[i].Snapshot) {
			newest = &list.Shown[i]
			break
		}
	}
	for i := range slices.Backward(list.Hidden) {
		h := &list.Hidden[i]
		if h.Reason == syncline.HiddenDamaged {
			return catalog.Snapshot{}, f.notShown(list, syncline.CodeDamaged,
				"snapshot %s cannot be read, so that nobody knows which one is the latest", h.Snapshot.ID.Short())
		}
		if f.Matches(&h.Snapshot) && (newest == nil || newest.Compare(&h.Snapshot) < 0) {
			return catalog.Snapshot{}, f.notShown(list, syncline.CodeConflict,
				"the latest snapshot is %s, and it is not synchronized yet", described(&h.Snapshot))
		}
	}
	switch {
	case newest != nil:
		return *newest, nil
	case f.Empty():
		return catalog.Snapshot{}, syncline.Errorf(syncline.CodeNotFound, "there is no snapshot in the repository")
	}
	return catalog.Snapshot{}, syncline.Errorf(syncline.CodeNotFound,
		"no snapshot matches the filter (paths: %q, tags: %q, hosts: %q)", f.Paths, f.Tags, f.Hosts)
}

// notShown is the error of a hidden snapshot. It names the newest one that can
// be shown.
func (f SnapshotFilter) notShown(list SnapshotList, code syncline.Code, format string, args ...any) error {
	instead := "no other one that matches can be shown"
	for _, s := range slices.Backward(list.Shown) {
		if !s.Lost && f.Matches(&s.Snapshot) {
			instead = "the newest that can be shown is " + described(&s.Snapshot)
			break
		}
	}
	return syncline.WrapError(code, ErrNotShown, "%s; %s", fmt.Sprintf(format, args...), instead)
}

func described(s *syncline.Snapshot) string {
	return fmt.Sprintf("%s of %s on %s", s.ID.Short(), s.Time.Format(time.DateTime+" -0700"), clip(s.Hostname))
}

// latestID is the name that stands for the newest snapshot.
const latestID = "latest"

// One returns the snapshot and the folder that a reference names. A reference
// is "latest", which uses the filter, or an id, which does not. Either may be
// followed by ":" and a folder. A hidden snapshot is ErrNotShown.
func (f SnapshotFilter) One(list SnapshotList, reference string) (s catalog.Snapshot, folder string, err error) {
	s, folder, err = f.Named(list, reference)
	if err == nil && s.Lost {
		err = f.notShown(list, syncline.CodeDamaged, "snapshot %s cannot be shown, because the repository has lost its root folder (tree %s)",
			described(&s.Snapshot), s.Tree.Short())
	}
	return s, folder, err
}

// Named is One for questions that a snapshot without a root can answer.
func (f SnapshotFilter) Named(list SnapshotList, reference string) (s catalog.Snapshot, folder string, err error) {
	id, folder := SplitReference(reference)
	if id == latestID {
		s, err = f.Latest(list)
	} else {
		s, err = Resolve(list, id)
	}
	return s, folder, err
}

// Resolve returns the snapshot whose id begins with the given hexadecimal
// digits. No snapshot is CodeNotFound, several are CodeInvalid, and a hidden
// one is ErrNotShown.
func Resolve(list SnapshotList, id string) (catalog.Snapshot, error) {
	if len(id) == 64 {
		id = strings.ToLower(id)
	}
	var found []catalog.Snapshot
	for _, s := range list.Shown {
		if strings.HasPrefix(s.ID.String(), id) {
			found = append(found, s)
		}
	}
	shown := len(found)
	var reason syncline.HiddenReason
	for i := range list.Hidden {
		if strings.HasPrefix(list.Hidden[i].Snapshot.ID.String(), id) {
			found, reason = append(found, catalog.Snapshot{Snapshot: list.Hidden[i].Snapshot}), list.Hidden[i].Reason
		}
	}
	switch {
	case len(found) > 1:
		return catalog.Snapshot{}, syncline.Errorf(syncline.CodeInvalid,
			"multiple IDs with prefix %q found (%s and %d more); give more digits", clip(id), found[0].ID.Short(), len(found)-1)
	case len(found) == 0:
		return catalog.Snapshot{}, syncline.Errorf(syncline.CodeNotFound, "no matching ID found for prefix %q", clip(id))
	case shown == 1:
		return found[0], nil
	case reason == syncline.HiddenDamaged:
		return catalog.Snapshot{}, syncline.WrapError(syncline.CodeDamaged, ErrNotShown,
			"snapshot %s is in the repository, but its file is damaged; run restic check on the repository", found[0].ID.Short())
	}
	return catalog.Snapshot{}, syncline.WrapError(syncline.CodeConflict, ErrNotShown,
		"snapshot %s is in the repository, but not synchronized yet", described(&found[0].Snapshot))
}
