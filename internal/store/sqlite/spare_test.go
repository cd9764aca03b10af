package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// spare is room that can be given up once, until it is put back.
type spare struct{ there, canReturn bool }

func (s *spare) Release() bool {
	was := s.there
	s.there = false
	return was
}

func (s *spare) Restore() bool {
	s.there = s.there || s.canReturn
	return s.there
}

// On a full disk the spare room is given up, and every call of the batch succeeds.
// Logs, which can be done without, take nothing until the room is back.
func TestSpareRoom(t *testing.T) {
	ctx, room := t.Context(), &spare{there: true}
	s, err := OpenWith(ctx, filepath.Join(t.TempDir(), "s.db"), room)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	repository := syncline.Repository{ID: newID(), Name: "one", Path: "/one", CreatedAt: time.Now()}
	check(s.AddRepository(ctx, repository))
	session, _, err := s.AddWork(ctx, newWork(syncline.WorkSynchronize, repository.ID))
	check(err)
	full := func() {
		t.Helper()
		if _, err := s.write.Exec(`PRAGMA max_page_count = 1`); err != nil { // SQLite takes the present size
			t.Fatal(err)
		}
	}
	large := syncline.User{Name: "large", PasswordHash: strings.Repeat("h", 1<<20)}
	full()
	check(s.AddUser(ctx, large)) // its connection is thrown away, and with it the bound
	if room.there {
		t.Error("the room is still taken")
	}
	item := syncline.LogItem{Time: time.Now(), Level: syncline.LogInfo, Message: "text"}
	if err := s.AppendLog(ctx, session.ID, session.Epoch, item); syncline.CodeOf(err) != syncline.CodeUnavailable || syncline.MessageOf(err) != msgFull {
		t.Errorf("a log takes an item: %v", err)
	}
	session.State = syncline.WorkFailed
	check(s.UpdateWork(ctx, session))
	full()
	large.Name = "larger"
	if err := s.AddUser(ctx, large); syncline.CodeOf(err) != syncline.CodeUnavailable || syncline.MessageOf(err) != msgFull {
		t.Errorf("without room there is room: %v", err)
	}
	room.canReturn = true
	s.lastLook = time.Time{}
	check(s.AppendLog(ctx, session.ID, session.Epoch, item))
	if !room.there {
		t.Error("the room is not taken again")
	}
}
