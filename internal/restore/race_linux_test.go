package restore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/restore"
)

const attackerID = 54321

// attack runs fn as another user, on a thread of its own, until it returns.
func attack(t *testing.T, fn func()) (ended <-chan struct{}) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		_, _, err1 := syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0)
		_, _, err2 := syscall.RawSyscall(syscall.SYS_SETRESGID, attackerID, attackerID, attackerID)
		_, _, err3 := syscall.RawSyscall(syscall.SYS_SETRESUID, attackerID, attackerID, attackerID)
		if err1 != 0 || err2 != 0 || err3 != 0 {
			t.Error("cannot become another user:", err1, err2, err3)
			return
		}
		fn()
	}()
	return done
}

// victim is the attacker's aim: a file of root's, in a folder that only root
// enters, and links and further names of it in the target.
type victim struct{ secret, beside, inner string }

func newVictim(t *testing.T, target string) victim {
	t.Helper()
	v := victim{secret: filepath.Join(t.TempDir(), "secret"), beside: filepath.Join(target, "beside"), inner: filepath.Join(target, "vault")}
	old := time.Unix(1_111_111, 0)
	err := errors.Join(
		os.WriteFile(v.secret, []byte("root's"), 0o600), os.Chtimes(v.secret, old, old),
		os.WriteFile(v.beside, []byte("root's"), 0o600), os.Chtimes(v.beside, old, old),
		os.Mkdir(v.inner, 0o700), os.WriteFile(filepath.Join(v.inner, "deep"), []byte("root's"), 0o600),
		os.Chown(target, attackerID, attackerID),
	)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// check makes sure that root's items are unchanged, wherever they lie.
func (v victim) check(t *testing.T, target string) {
	t.Helper()
	found := 0
	for _, path := range append(paths(t, target)[1:], v.secret) {
		if path != v.secret {
			path = filepath.Join(target, path)
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			t.Fatal(err)
		}
		_, err := os.Lstat(filepath.Join(path, "deep"))
		vault := err == nil
		if st.Mode&unix.S_IFMT != unix.S_IFREG && !vault {
			continue
		}
		if vault && (st.Uid != 0 || st.Mode&0o7777 != 0o700) {
			t.Errorf("the folder of root's is %o, of %d", st.Mode, st.Uid)
		}
		if vault {
			found++
			continue
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "root's" {
			continue
		}
		found++
		if st.Uid != 0 || st.Mode&0o7777 != 0o600 || filepath.Base(path) != "deep" && st.Mtim.Sec != 1_111_111 {
			t.Errorf("%s, root's, is %o, of %d, from %d", path, st.Mode, st.Uid, st.Mtim.Sec)
		}
	}
	if found < 4 {
		t.Errorf("of root's four things %d are there", found)
	}
}

// swap waits for a new name, replaces the item at once by one of root's, and
// goes on to the next name. The replacement is a link to root's item or the
// item itself.
func swap(target string, names []string, v victim, folders bool, stop <-chan struct{}) (swapped int) {
	ready, own := filepath.Join(target, "ready0"), v.beside
	if folders {
		own = v.inner
	}
	_ = os.Symlink(v.secret, ready)
	for _, name := range names {
		at := filepath.Join(target, name)
		if _, err := os.Lstat(at); err == nil {
			continue // too late
		}
		with := ready
		if swapped%2 == 1 {
			with = own
		}
		for unix.Renameat2(unix.AT_FDCWD, with, unix.AT_FDCWD, at, unix.RENAME_EXCHANGE) != nil {
			select {
			case <-stop:
				return swapped
			default:
			}
		}
		if swapped++; with == own {
			own = at
		} else {
			ready = filepath.Join(target, fmt.Sprintf("ready%d", swapped))
			_ = os.Symlink(v.secret, ready)
		}
	}
	return swapped
}

// TestNobodyTurnsRestoreElsewhere restores into a folder of another user, who
// replaces each new item at once: by a link to a file of root's, or by an item
// of root's in the same folder.
func TestNobodyTurnsRestoreElsewhere(t *testing.T) {
	needtest.Root(t, "restore for others")
	const each = 1000
	all := syncline.Entry{Mode: 0o666, UID: attackerID, GID: attackerID, ExtendedAttributes: []syncline.ExtendedAttribute{{Name: "trusted.taken", Value: []byte("yes")}}}
	of := func(kind syncline.EntryType) syncline.Entry {
		e := all
		e.Type, e.LinkTarget = kind, "nowhere"
		if kind == syncline.TypeCharDev {
			e.Device = unix.Mkdev(1, 3)
		}
		return e
	}
	for name, nodes := range map[string]func(name string) node{
		"pipes":   func(name string) node { return node{name: name, entry: of(syncline.TypeFifo)} },
		"devices": func(name string) node { return node{name: name, entry: of(syncline.TypeCharDev)} },
		"links":   func(name string) node { return node{name: name, entry: of(syncline.TypeSymlink)} },
		"folders": func(name string) node {
			return node{name: name, dir: true, below: []node{{name: "file", entry: of(syncline.TypeFile)}, {name: "pipe", entry: of(syncline.TypeFifo)}}}
		},
		"files": func(name string) node { return node{name: name, entry: of(syncline.TypeFile)} },
	} {
		t.Run(name, func(t *testing.T) {
			root, names := node{dir: true}, []string{}
			for i := range each {
				names = append(names, fmt.Sprintf("item%04d", i))
				root.below = append(root.below, nodes(names[i]))
			}
			hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
				target := t.TempDir()
				for path := target; len(path) > len(os.TempDir()); path = filepath.Dir(path) {
					if err := os.Chmod(path, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				taken := newVictim(t, target)
				stop := make(chan struct{})
				swapped := 0
				ended := attack(t, func() { swapped = swap(target, names, taken, name == "folders", stop) })
				r := &told{}
				result, err := restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Reporter: r})
				close(stop)
				<-ended
				if err != nil {
					t.Fatal(err)
				}
				for path, err := range r.failed {
					if syncline.CodeOf(err) != syncline.CodeConflict && !errors.Is(err, os.ErrExist) && !errors.Is(err, os.ErrNotExist) {
						t.Errorf("%s: %v", path, err)
					}
				}
				if swapped == 0 {
					t.Error("the attacker was never in time")
				}
				t.Logf("%d swapped, %+v", swapped, result)
				taken.check(t, target)
				for _, path := range paths(t, target) {
					if strings.Contains(path, ".syncline") {
						t.Errorf("%s stays", path)
					}
				}
			})
		})
	}
}
