//go:build unix

package pgpool

import (
	"io"
	"net"
	"testing"
)

// A connection is asked also while somebody else reads from it.
func TestSilent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if !silent(client) {
		t.Error("a connection without a message is not silent")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, client)
	}()
	for range 1000 { // the reader waits in one of them
		if !silent(client) {
			t.Error("a connection that somebody reads from is not silent")
		}
	}
	server.Close()
	<-ended
	if silent(client) {
		t.Error("a connection that has ended is silent")
	}
}
