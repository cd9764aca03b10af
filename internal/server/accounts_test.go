package server

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"syncline.dev/syncline"
)

// taking is a store that takes a change of an account, or fails.
type taking struct {
	accountStore
	err error
}

func (t taking) UpdateAccount(context.Context, syncline.Account, []byte) error { return t.err }

func (t taking) DeleteAccount(context.Context, syncline.ID) error { return t.err }

// told is the limits that were set last, and the account that was forgotten.
type told struct {
	a         syncline.Account
	forgotten syncline.ID
}

func (t *told) Forget(account syncline.ID) { t.forgotten = account }

func (t *told) SetLimits(a syncline.Account) { t.a = a }

// TestChangedLimitsHoldAtOnce changes an account's limits while its storage may be
// open.
func TestChangedLimitsHoldAtOnce(t *testing.T) {
	changed := syncline.Account{ID: "a", Limits: syncline.Limits{Connections: 1}}
	limits, full := &told{}, errors.New("the disk is full")
	if err := (accounts{taking{err: full}, limits}).UpdateAccount(t.Context(), changed, nil); !errors.Is(err, full) || limits.a.ID != "" {
		t.Errorf("a change that was not stored: %v, and the limits are %+v", err, limits.a)
	}
	if err := (accounts{taking{}, limits}).UpdateAccount(t.Context(), changed, nil); err != nil || !reflect.DeepEqual(limits.a, changed) {
		t.Errorf("a change that was stored: %v, and the limits are %+v", err, limits.a)
	}
}

// TestLimitsGoWithTheAccount removes an account.
func TestLimitsGoWithTheAccount(t *testing.T) {
	limits, used := &told{}, errors.New("an object storage uses it")
	if err := (accounts{taking{err: used}, limits}).DeleteAccount(t.Context(), "a"); !errors.Is(err, used) || limits.forgotten != "" {
		t.Errorf("an account that stays: %v, forgotten: %q", err, limits.forgotten)
	}
	if err := (accounts{taking{}, limits}).DeleteAccount(t.Context(), "a"); err != nil || limits.forgotten != "a" {
		t.Errorf("an account that goes: %v, forgotten: %q", err, limits.forgotten)
	}
}
