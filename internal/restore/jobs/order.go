package jobs

import (
	"encoding/hex"
	"encoding/json"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// order is how the store keeps what a job is to do. Paths and patterns need not be
// UTF-8: the target is in hexadecimal, the others are in Base64.
type order struct {
	RestorePoint syncline.ID               `json:"restorePoint"`
	Snapshot     string                    `json:"snapshot"`
	Target       string                    `json:"target"`
	Paths        [][]byte                  `json:"paths,omitempty"`
	Include      [][]byte                  `json:"include,omitempty"`
	Exclude      [][]byte                  `json:"exclude,omitempty"`
	Overwrite    syncline.RestoreOverwrite `json:"overwrite"`
	Sparse       bool                      `json:"sparse,omitempty"`
	Verify       bool                      `json:"verify,omitempty"`
}

func orderOf(j syncline.RestoreJob) (string, error) {
	text, err := json.Marshal(order{
		j.RestorePointID, j.SnapshotID.String(), hex.EncodeToString([]byte(j.TargetPath)),
		convert[[]byte](j.Paths), convert[[]byte](j.Include), convert[[]byte](j.Exclude), j.Overwrite, j.Sparse, j.Verify,
	})
	if err != nil {
		return "", syncline.WrapError(syncline.CodeInternal, err, "")
	}
	return string(text), nil
}

// convert changes the type of every element; nil stays nil.
func convert[To, From string | []byte](all []From) []To {
	if all == nil {
		return nil
	}
	converted := make([]To, len(all))
	for i, v := range all {
		converted[i] = To(v)
	}
	return converted
}

// parse gives work the type of a job; ok is false where the order cannot be read.
func parse(w store.Work) (j syncline.RestoreJob, ok bool) {
	j.Work = w.Work
	var o order
	if w.Order == "" || !run.Parse(w.Order, &o) {
		return j, false
	}
	target, err := hex.DecodeString(o.Target)
	if err != nil {
		return j, false
	}
	if j.SnapshotID, err = syncline.ParseHash(o.Snapshot); err != nil {
		return j, false
	}
	j.RestorePointID, j.TargetPath = o.RestorePoint, string(target)
	j.RestoreSelection = syncline.RestoreSelection{
		Paths: convert[string](o.Paths), Include: convert[string](o.Include), Exclude: convert[string](o.Exclude),
		Overwrite: o.Overwrite, Sparse: o.Sparse, Verify: o.Verify,
	}
	return j, true
}

// check reports work of which nobody knows any more what is to be restored.
func check(w store.Work) error {
	if _, ok := parse(w); !ok {
		return syncline.Errorf(syncline.CodeInternal, "%s", run.MsgUnreadable)
	}
	return nil
}

// jobOf gives work the type of a job. A record that is damaged must not take the others
// of a list with it; a job that runs writes its statistics anew.
func jobOf(w store.Work) syncline.RestoreJob {
	if w.ID == "" {
		return syncline.RestoreJob{}
	}
	j, ok := parse(w)
	j.NodeID = syncline.ID(w.Node)
	if !ok || !w.State.Known() {
		j.Work = run.Unreadable(j.Work)
		return j
	}
	if !run.Parse(w.Result, &j.Statistics) {
		j.Statistics = syncline.RestoreStatistics{}
		if j.State.Ended() {
			j.Work = run.Unreadable(j.Work)
		}
	}
	return j
}

func asJob(w store.Work, err error) (syncline.RestoreJob, error) { return jobOf(w), err }
