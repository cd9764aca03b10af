//go:build unix

package pgpool

import (
	"errors"
	"net"
	"syscall"
)

// silent reports whether the operating system has nothing to tell of an idle
// connection: neither its end nor a message. A server that ends a connection says so in a
// message first.
func silent(conn net.Conn) bool {
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = inner.NetConn()
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	c, err := raw.SyscallConn()
	if err != nil {
		return false
	}
	nothing := false
	// Not by Read, which waits for another reader: after a slow write the driver has one
	// that reads on in the background.
	err = c.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		nothing = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && nothing
}
