package resticrepo

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Lock is a lock that a restic process holds or left behind. Reading needs no
// lock. A lock explains why objects vanish during a read.
type Lock struct {
	ID        ID
	Time      time.Time
	Exclusive bool // its holder removes data, such as prune
	Hostname  string
	Username  string
	PID       int
}

// StaleAfter is the age at which a lock counts as left behind, as in restic. A
// running process renews its lock far more often.
const StaleAfter = 30 * time.Minute

// ExclusiveLock returns an exclusive lock that is younger than StaleAfter, and
// whether there is one.
func (r *Repository) ExclusiveLock(ctx context.Context) (Lock, bool, error) {
	locks, err := r.Locks(ctx)
	for _, l := range locks {
		if l.Exclusive && time.Since(l.Time) <= StaleAfter {
			return l, true, err
		}
	}
	return Lock{}, false, err
}

// Locks reads the locks. It leaves out locks that vanish meanwhile, and locks
// that cannot be read, because they do not say who made them.
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
