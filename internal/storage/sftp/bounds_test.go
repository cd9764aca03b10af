package sftp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// TestFoldersWithoutEnd lists a folder in a folder, and so on.
func TestFoldersWithoutEnd(t *testing.T) {
	opened, read := 0, map[string]bool{}
	s := storageOf(t, func(kind byte, id uint32, f fields) packet {
		switch kind {
		case typeOpendir:
			opened++
			return newPacket(typeHandle).uint32(id).text(fmt.Sprint(opened))
		case typeReaddir:
			handle := string(f.bytes())
			if read[handle] {
				return ended(id)
			}
			read[handle] = true
			return newPacket(typeName).uint32(id).uint32(1).text("d").text("").uint32(hasSize | hasPermissions).uint64(0).uint32(modeFolder | 0o755)
		}
		return newPacket(typeStatus).uint32(id).uint32(statusOK)
	})
	err := s.List(t.Context(), "keys", func(string, int64) error { return nil })
	if syncline.CodeOf(err) != syncline.CodeTooLarge || !strings.Contains(syncline.MessageOf(err), "nested deeper than 64 levels") || opened != maxDepth+1 {
		t.Errorf("%d folders, %v", opened, err)
	}
}

// TestNoAnswers asks a server that never answers, as often as a connection takes.
func TestNoAnswers(t *testing.T) {
	s := storageOf(t, func(byte, uint32, fields) packet { return nil })
	session, err := s.connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		_, err := session.send(t.Context(), typeStat, func(p packet) packet { return p.text("x") })
		return err
	}
	for i := range maxWaiting {
		if err := ask(); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if err := ask(); !errors.Is(err, errUnanswered) || session.alive() {
		t.Errorf("one more: %v, and the connection is kept: %v", err, session.alive())
	}
}
