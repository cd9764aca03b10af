// Package schedule checks repositories by themselves, and starts a session where a check
// has found something new.
//
// # Turns
//
// A repository has turns: at an interval, or by a cron expression. The turns of an
// interval lie on a grid in time, which the repository's id moves, so that many
// repositories spread over the interval. A turn is a check. Turns that were missed,
// because the server was down, the machine slept or the clock jumped, are made up with
// one check.
//
// AtOnce bounds the checks that run at once, the repository that is due for longest
// first. A check that takes long gives its place to another one and goes on beside it,
// so that storage that hangs holds up no other. A check that takes too long has failed.
//
// # After a check
//
// A check that fails is tried again after growing pauses and starts no session. It is a
// condition of the repository: unreachable, or damaged. A check that finds something new
// marks the repository as out of sync and starts a session. If the last session failed,
// and the repository's listing is as it was then, the next one waits: an hour, then
// twice as long each time, a day at most.
//
// The package knows no storage, no catalog and no session. Interfaces stand for them.
package schedule
