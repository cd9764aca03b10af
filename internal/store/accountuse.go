package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// AccountPart is a part of an account's limits.
type AccountPart struct {
	Connections int
	Rate        int // of AllRate: how much of the bytes a second
}

// AllRate is the whole of an account's bytes a second.
const AllRate = 1_000_000

// AccountUse says what a node does with an account.
type AccountUse struct {
	Account syncline.ID
	Node    string
	// Holds is the part that the node may use until it hears the answer. It is no more
	// than the node was given last.
	Holds AccountPart
	// Wants is how many connections the node could use.
	Wants int
	// Default is how many connections an account has that names no number.
	Default int
	// Length is how long the node has its part, counted from the call.
	Length time.Duration
}

// AccountShare is the part of an account's limits that a node has.
type AccountShare struct {
	Limits syncline.Limits // of the account, for all nodes
	// Has is the node's part. It is smaller than what the node holds only where the
	// node's time had ended; the node then ends the connections beyond it.
	Has AccountPart
	// Target is what the node is to reduce itself to, in its own time.
	Target AccountPart
}

// AccountUses divides the limits of accounts among the nodes that use them.
type AccountUses interface {
	// ShareAccount gives a node a part. The parts of the nodes whose time has not ended
	// are never more than the limits, or than they were before the limits were reduced.
	// An unknown account is CodeNotFound.
	ShareAccount(ctx context.Context, u AccountUse) (AccountShare, error)
	// LeaveAccount gives the part of a node back.
	LeaveAccount(ctx context.Context, account syncline.ID, node string) error
}

// AccountTurn is how long a node keeps its connection where there are more nodes than
// connections, and others wait.
const AccountTurn = 10 * time.Second

// AccountUser is a node that uses an account, as a store keeps it.
type AccountUser struct {
	Node  string
	Has   AccountPart
	Wants int
	// Since is when the node began to have connections, or to wait for the first one.
	Since time.Time
}

// Divide gives the user at index me its share of whole connections. users are all whose
// time has not ended; now is the time of the store.
func Divide(users []AccountUser, me, whole, holds int, now time.Time) (has, target int) {
	target = targets(users, whole, now)[me]
	free := whole
	for i := range users {
		if i != me {
			free -= users[i].Has.Connections
		}
	}
	// The node keeps what it still uses of what it had.
	return max(min(target, max(free, 0)), min(holds, users[me].Has.Connections)), target
}

// DivideRate is Divide for the rate, of which all users want the same.
func DivideRate(users []AccountUser, me, holds int) (has, target int) {
	target, free := AllRate/len(users), AllRate
	for i := range users {
		if i != me {
			free -= users[i].Has.Rate
		}
	}
	return max(min(target, max(free, 0)), min(holds, users[me].Has.Rate)), target
}

// targets returns what each user is to have. The sum is at most whole. Every user that
// wants some gets one, as far as they reach: the others take turns.
func targets(users []AccountUser, whole int, now time.Time) []int {
	shares, wanting := make([]int, len(users)), []int{}
	for i := range users {
		if users[i].Wants > 0 {
			wanting = append(wanting, i)
		}
	}
	if len(wanting) > whole {
		slices.SortFunc(wanting, func(a, b int) int { return before(&users[a], &users[b], now) })
		for _, i := range wanting[:max(whole, 0)] {
			shares[i] = 1
		}
		return shares
	}
	// Those who want least come first; what they leave goes to the others.
	slices.SortFunc(wanting, func(a, b int) int {
		return cmp.Or(users[a].Wants-users[b].Wants, cmp.Compare(users[a].Node, users[b].Node))
	})
	left := whole
	for n, i := range wanting {
		shares[i] = min(users[i].Wants, left/(len(wanting)-n))
		left -= shares[i]
	}
	// Nobody wants the rest now. Each node gets some of it, and an eighth waits for the
	// next node.
	spare := max(0, left-(whole+7)/8)
	for _, i := range wanting {
		shares[i] += spare / len(wanting)
	}
	return shares
}

// before orders nodes that take turns: those that have just got a connection, those that
// have waited longest, and those whose turn is over.
func before(a, b *AccountUser, now time.Time) int {
	rank := func(u *AccountUser) int {
		switch {
		case u.Has.Connections == 0:
			return 1
		case now.Sub(u.Since) < AccountTurn:
			return 0
		}
		return 2
	}
	return cmp.Or(rank(a)-rank(b), a.Since.Compare(b.Since), cmp.Compare(a.Node, b.Node))
}
