package pgpool

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unansweredTime is how long sent bytes may stay without an answer of the other machine.
const unansweredTime = 20_000 // ms

// giveUp bounds the time for which the operating system repeats what the other end does
// not confirm, which is a quarter of an hour otherwise.
func giveUp(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	return c.Control(func(fd uintptr) {
		// Without it, the connection is only noticed later.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, unansweredTime)
	})
}
