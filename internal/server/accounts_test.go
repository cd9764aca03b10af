package server

import (
	"context"
	"errors"
	"testing"

	"syncline.dev/syncline"
)

// taking is a store that takes a change of an account, or fails.
type taking struct {
	accountStore
	err error
}

func (t taking) UpdateAccount(context.Context, syncline.Account, []byte) error { return t.err }

// told is the limits that were set last.
type told struct{ a syncline.Account }

func (t *told) SetLimits(a syncline.Account) { t.a = a }

// TestChangedLimitsHoldAtOnce changes an account's limits while its storage may be
// open.
func TestChangedLimitsHoldAtOnce(t *testing.T) {
	changed := syncline.Account{ID: "a", Limits: syncline.Limits{Connections: 1}}
	limits, full := &told{}, errors.New("the disk is full")
	if err := (accounts{taking{err: full}, limits}).UpdateAccount(t.Context(), changed, nil); !errors.Is(err, full) || limits.a.ID != "" {
		t.Errorf("a change that was not stored: %v, and the limits are %+v", err, limits.a)
	}
	if err := (accounts{taking{}, limits}).UpdateAccount(t.Context(), changed, nil); err != nil || limits.a != changed {
		t.Errorf("a change that was stored: %v, and the limits are %+v", err, limits.a)
	}
}
