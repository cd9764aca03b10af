package watch_test

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// mortal is the store as a node has it that dies at one of its calls. The call may be
// made, and the node does not hear of it.
type mortal struct {
	store.Store

	mu     sync.Mutex
	calls  int  // until the node dies; negative for none
	unmade bool // the last call is not made
	dead   bool
}

var errDead = syncline.Errorf(syncline.CodeUnavailable, "this node is dead")

// dies lets the node die at a call from now on.
func (m *mortal) dies(calls int, unmade bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls, m.unmade = calls, unmade
}

func (m *mortal) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// next counts a call. It says whether the call is made, and whether the node hears of it.
func (m *mortal) next() (made, heard bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return false, false
	}
	if m.calls < 0 {
		return true, true
	}
	if m.calls--; m.calls < 0 {
		m.dead = true
		return !m.unmade, false
	}
	return true, true
}

func live[T any](m *mortal, call func() (T, error)) (v T, err error) {
	made, heard := m.next()
	if made {
		v, err = call()
	}
	if !heard {
		var none T
		return none, errDead
	}
	return v, err
}

func does(m *mortal, call func() error) error {
	_, err := live(m, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (m *mortal) TakeDuty(ctx context.Context, name, owner string, length time.Duration) (epoch int64, taken bool, err error) {
	err = does(m, func() (err error) {
		epoch, taken, err = m.Store.TakeDuty(ctx, name, owner, length)
		return err
	})
	return epoch, taken, err
}

func (m *mortal) Alarms(ctx context.Context, f syncline.AlarmFilter, limit, offset int) (list []syncline.Alarm, total int, err error) {
	err = does(m, func() (err error) {
		list, total, err = m.Store.Alarms(ctx, f, limit, offset)
		return err
	})
	return list, total, err
}

func (m *mortal) Repositories(ctx context.Context) ([]syncline.Repository, error) {
	return live(m, func() ([]syncline.Repository, error) { return m.Store.Repositories(ctx) })
}

func (m *mortal) Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error) {
	return live(m, func() (syncline.Repository, error) { return m.Store.Repository(ctx, id) })
}

func (m *mortal) SetOutOfSync(ctx context.Context, id syncline.ID, out bool) error {
	return does(m, func() error { return m.Store.SetOutOfSync(ctx, id, out) })
}

func (m *mortal) Checks(ctx context.Context) ([]syncline.Check, error) {
	return live(m, func() ([]syncline.Check, error) { return m.Store.Checks(ctx) })
}

func (m *mortal) CheckOf(ctx context.Context, id syncline.ID) (syncline.Check, error) {
	return live(m, func() (syncline.Check, error) { return m.Store.CheckOf(ctx, id) })
}

func (m *mortal) PutChecks(ctx context.Context, list ...syncline.Check) error {
	return does(m, func() error { return m.Store.PutChecks(ctx, list...) })
}

func (m *mortal) AskCheck(ctx context.Context, id syncline.ID, at time.Time, anew bool) error {
	return does(m, func() error { return m.Store.AskCheck(ctx, id, at, anew) })
}

func (m *mortal) DropDuty(ctx context.Context, d store.Duty) error {
	return does(m, func() error { return m.Store.DropDuty(ctx, d) })
}

func (m *mortal) HeldDuties(ctx context.Context, prefix string) ([]store.Duty, error) {
	return live(m, func() ([]store.Duty, error) { return m.Store.HeldDuties(ctx, prefix) })
}

func (m *mortal) Series(ctx context.Context, id syncline.ID) ([]syncline.Series, error) {
	return live(m, func() ([]syncline.Series, error) { return m.Store.Series(ctx, id) })
}

func (m *mortal) SeriesRing(ctx context.Context, id syncline.ID) ([]syncline.CountedSighting, error) {
	return live(m, func() ([]syncline.CountedSighting, error) { return m.Store.SeriesRing(ctx, id) })
}

func (m *mortal) SaveSeries(ctx context.Context, id syncline.ID, list []store.SeriesRecord) error {
	return does(m, func() error { return m.Store.SaveSeries(ctx, id, list) })
}

func (m *mortal) SetRetired(ctx context.Context, ids []syncline.ID, by string, at time.Time) error {
	return does(m, func() error { return m.Store.SetRetired(ctx, ids, by, at) })
}

func (m *mortal) DeleteSeries(ctx context.Context, ids []syncline.ID) error {
	return does(m, func() error { return m.Store.DeleteSeries(ctx, ids) })
}

func (m *mortal) Sightings(ctx context.Context, id syncline.ID) ([]syncline.Sighting, error) {
	return live(m, func() ([]syncline.Sighting, error) { return m.Store.Sightings(ctx, id) })
}

func (m *mortal) AddSightings(ctx context.Context, id syncline.ID, list []syncline.Sighting) error {
	return does(m, func() error { return m.Store.AddSightings(ctx, id, list) })
}

func (m *mortal) RemoveSightings(ctx context.Context, id syncline.ID, list []syncline.Hash) error {
	return does(m, func() error { return m.Store.RemoveSightings(ctx, id, list) })
}

func (m *mortal) Looks(ctx context.Context) ([]syncline.Look, error) {
	return live(m, func() ([]syncline.Look, error) { return m.Store.Looks(ctx) })
}

func (m *mortal) SetLook(ctx context.Context, l syncline.Look) error {
	return does(m, func() error { return m.Store.SetLook(ctx, l) })
}

func (m *mortal) Examinations(ctx context.Context, id syncline.ID) ([]store.Examination, error) {
	return live(m, func() ([]store.Examination, error) { return m.Store.Examinations(ctx, id) })
}

func (m *mortal) Examination(ctx context.Context, id syncline.ID) (store.Examination, error) {
	return live(m, func() (store.Examination, error) { return m.Store.Examination(ctx, id) })
}

func (m *mortal) SaveExamination(ctx context.Context, e store.Examination) error {
	return does(m, func() error { return m.Store.SaveExamination(ctx, e) })
}

func (m *mortal) AlarmRules(ctx context.Context) ([]syncline.AlarmRule, error) {
	return live(m, func() ([]syncline.AlarmRule, error) { return m.Store.AlarmRules(ctx) })
}

func (m *mortal) AlarmsOf(ctx context.Context, kind syncline.AlarmKind, id syncline.ID, after time.Time) ([]syncline.Alarm, error) {
	return live(m, func() ([]syncline.Alarm, error) { return m.Store.AlarmsOf(ctx, kind, id, after) })
}

func (m *mortal) ChangeAlarms(ctx context.Context, at time.Time, list []store.AlarmChange) error {
	return does(m, func() error { return m.Store.ChangeAlarms(ctx, at, list) })
}

func (m *mortal) ThinAlarms(ctx context.Context, before time.Time, keep int) (bool, error) {
	return live(m, func() (bool, error) { return m.Store.ThinAlarms(ctx, before, keep) })
}

func (m *mortal) PendingEvents(ctx context.Context, limit int) ([]store.PendingEvent, error) {
	return live(m, func() ([]store.PendingEvent, error) { return m.Store.PendingEvents(ctx, limit) })
}

func (m *mortal) Hand(ctx context.Context, events []int64, list []syncline.Delivery) error {
	return does(m, func() error { return m.Store.Hand(ctx, events, list) })
}

func (m *mortal) HandDigest(ctx context.Context, d syncline.Delivery, from, next time.Time) error {
	return does(m, func() error { return m.Store.HandDigest(ctx, d, from, next) })
}

func (m *mortal) DueDeliveries(ctx context.Context, id syncline.ID, now time.Time, limit int) ([]syncline.Delivery, error) {
	return live(m, func() ([]syncline.Delivery, error) { return m.Store.DueDeliveries(ctx, id, now, limit) })
}

func (m *mortal) UpdateDelivery(ctx context.Context, d syncline.Delivery) error {
	return does(m, func() error { return m.Store.UpdateDelivery(ctx, d) })
}

func (m *mortal) ThinDeliveries(ctx context.Context, keep int) (bool, error) {
	return live(m, func() (bool, error) { return m.Store.ThinDeliveries(ctx, keep) })
}

func (m *mortal) Channels(ctx context.Context) ([]syncline.Channel, error) {
	return live(m, func() ([]syncline.Channel, error) { return m.Store.Channels(ctx) })
}

func (m *mortal) Channel(ctx context.Context, id syncline.ID) (syncline.Channel, error) {
	return live(m, func() (syncline.Channel, error) { return m.Store.Channel(ctx, id) })
}

func (m *mortal) ChannelSecret(ctx context.Context, id syncline.ID) ([]byte, error) {
	return live(m, func() ([]byte, error) { return m.Store.ChannelSecret(ctx, id) })
}

func (m *mortal) SetChannelHealth(ctx context.Context, id syncline.ID, at time.Time, failure string) error {
	return does(m, func() error { return m.Store.SetChannelHealth(ctx, id, at, failure) })
}

func (m *mortal) LatestWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	return live(m, func() ([]store.Work, error) { return m.Store.LatestWork(ctx, kind) })
}
