package resticrepo

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Lock is a lock that some restic process holds or left behind. Reading needs
// none; locks explain why objects vanish while they are read.
type Lock struct {
	ID        ID
	Time      time.Time
	Exclusive bool // held by something that removes data, such as prune
	Hostname  string
	Username  string
	PID       int
}

// StaleAfter is the age at which restic takes a lock for one that a process left
// behind: it renews those that it holds far more often.
const StaleAfter = 30 * time.Minute

// ExclusiveLock returns a lock of something that removes data and still runs, as
// far as its lock's age tells, and whether there is one.
func (r *Repository) ExclusiveLock(ctx context.Context) (Lock, bool, error) {
	locks, err := r.Locks(ctx)
	for _, l := range locks {
		if l.Exclusive && time.Since(l.Time) <= StaleAfter {
			return l, true, err
		}
	}
	return Lock{}, false, err
}

// Locks reads the locks. One that vanishes meanwhile is left out, and so is
// one that cannot be read: it says nothing of who made it.
func (r *Repository) Locks(ctx context.Context) ([]Lock, error) {
	files, err := r.list(ctx, "locks")
	if err != nil {
		return nil, err
	}
	var locks []Lock
	for _, f := range files {
		plain, err := r.loadUnpacked(ctx, "locks/"+f.ID.String(), f, MaxLockSize)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var j struct {
			Time      time.Time `json:"time"`
			Exclusive bool      `json:"exclusive"`
			Hostname  string    `json:"hostname"`
			Username  string    `json:"username"`
			PID       int       `json:"pid"`
		}
		if json.Unmarshal(plain, &j) != nil {
			continue
		}
		locks = append(locks, Lock{
			ID: f.ID, Time: fixZone(j.Time), Exclusive: j.Exclusive,
			Hostname: j.Hostname, Username: j.Username, PID: j.PID,
		})
	}
	return locks, nil
}
