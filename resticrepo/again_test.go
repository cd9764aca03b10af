package resticrepo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
)

// changing is a storage that gives a wrong byte in the first answers to each
// question. The wrong answers to a question differ, or all are the same.
type changing struct {
	*memStorage
	wrong int
	same  bool
	asked map[string]int
}

func (s *changing) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	r, err := s.memStorage.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	question := fmt.Sprint(name, offset, length)
	if s.asked[question]++; s.asked[question] <= s.wrong {
		b = bytes.Clone(b)
		at := len(b) - 1
		if !s.same {
			at -= s.asked[question]
		}
		b[at] ^= 0x40
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// readers are all functions that read a repository's files.
func readers(t *testing.T, fx *fixture) map[string]func(st Storage) error {
	t.Helper()
	ctx := t.Context()
	indexes, err := fx.repo.Indexes(ctx)
	if err != nil || len(indexes) == 0 {
		t.Fatal(indexes, err)
	}
	index, err := fx.repo.LoadIndex(ctx, indexes[0])
	if err != nil {
		t.Fatal(err)
	}
	pack := index.Packs[0]
	size := int64(len(fx.st.files[PackName(pack.ID)]))
	snapshots, err := fx.repo.Snapshots(ctx)
	if err != nil || len(snapshots) == 0 {
		t.Fatal(snapshots, err)
	}
	return map[string]func(st Storage) error{
		"open":     func(st Storage) error { _, err := Open(ctx, st, password); return err },
		"reopen":   func(st Storage) error { _, err := fx.repo.Reopen(ctx, st); return err },
		"snapshot": func(st Storage) error { _, err := fx.repo.With(st).LoadSnapshot(ctx, snapshots[0]); return err },
		"index":    func(st Storage) error { _, err := fx.repo.With(st).LoadIndex(ctx, indexes[0]); return err },
		"blob":     func(st Storage) error { _, err := fx.repo.With(st).LoadBlob(ctx, pack.ID, pack.Blobs[0]); return err },
		"header":   func(st Storage) error { _, err := fx.repo.With(st).ReadPackHeader(ctx, pack.ID, size); return err },
	}
}

// Bytes that are wrong once are read again before they are called damage. Bytes
// that stay wrong are read twice and no more.
func TestWrongAnswersAreReadAgain(t *testing.T) {
	fx := getFixture(t, flavours[1])
	for name, read := range readers(t, fx) {
		if err := read(&changing{memStorage: fx.st, wrong: 1, asked: map[string]int{}}); err != nil {
			t.Errorf("%s: one wrong answer: %v", name, err)
		}
		if name == "open" { // deriving the key takes its time
			continue
		}
		if err := read(&changing{memStorage: fx.st, wrong: maxReads - 1, asked: map[string]int{}}); err != nil {
			t.Errorf("%s: %d wrong answers, each another one: %v", name, maxReads-1, err)
		}
		for same, most := range map[bool]int{true: 2, false: maxReads} {
			st := &changing{memStorage: fx.st, wrong: 100, same: same, asked: map[string]int{}}
			err := read(st)
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrAnotherRepository) {
				t.Errorf("%s: wrong for good: %v", name, err)
			}
			for question, n := range st.asked {
				if n > most {
					t.Errorf("%s: %s was read %d times, want %d", name, question, n, most)
				}
			}
		}
	}
}

// A wrong name in a listing is corrected by listing again.
func TestOddNamesAreListedAgain(t *testing.T) {
	fx := getFixture(t, flavours[1])
	st := &misspelling{memStorage: fx.st}
	got, err := fx.repo.With(st).Indexes(t.Context())
	want, _ := fx.repo.Indexes(t.Context())
	if err != nil || len(got) != len(want) || st.calls != 2 {
		t.Errorf("%d indexes of %d after %d listings, %v", len(got), len(want), st.calls, err)
	}
}

type misspelling struct {
	*memStorage
	calls int
}

func (s *misspelling) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	s.calls++
	return s.memStorage.List(ctx, dir, func(name string, size int64) error {
		if s.calls == 1 {
			name = name[:strings.Index(name, "/")+1] + "Z" + name[strings.Index(name, "/")+2:]
		}
		return fn(name, size)
	})
}

// When the first listing leaves out a key or names it wrongly, a second listing
// finds it before the password is called wrong.
func TestKeysAreListedAgain(t *testing.T) {
	fx := getFixture(t, flavours[1])
	st := newMemStorage()
	maps.Copy(st.files, fx.st.files)
	for name, content := range fx.st.files {
		if !strings.HasPrefix(name, "keys/") {
			continue
		}
		var key map[string]any
		if err := json.Unmarshal(content, &key); err != nil {
			t.Fatal(err)
		}
		key["salt"] = base64.StdEncoding.EncodeToString(make([]byte, 64)) // of another password
		other, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		st.files[fmt.Sprintf("keys/%x", sha256.Sum256(other))] = other
		for what, change := range map[string]func(string) string{
			"left out": func(string) string { return "" },
			"flipped": func(name string) string {
				return strings.Replace(name, name[5:6], map[bool]string{true: "0", false: "1"}[name[5] == '1'], 1)
			},
		} {
			calls := 0
			listed := &renaming{memStorage: st, rename: func(is string) string {
				if is == name && calls == 1 {
					return change(is)
				}
				return is
			}, calls: &calls}
			if _, err := Open(t.Context(), listed, password); err != nil || calls != 2 {
				t.Errorf("%s: %v, after %d listings", what, err, calls)
			}
		}
	}
	if _, err := Open(t.Context(), st, "another"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong password: %v", err)
	}
}

// renaming changes the names of a listing; "" leaves one out.
type renaming struct {
	*memStorage
	rename func(name string) string
	calls  *int
}

func (s *renaming) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	*s.calls++
	return s.memStorage.List(ctx, dir, func(name string, size int64) error {
		if name = s.rename(name); name == "" {
			return nil
		}
		return fn(name, size)
	})
}

// Reopen notices that another repository lies at the place.
func TestReopen(t *testing.T) {
	fx, other := getFixture(t, flavours[1]), getFixture(t, flavours[0])
	if r, err := fx.repo.Reopen(t.Context(), fx.st); err != nil || r.Config() != fx.repo.Config() {
		t.Errorf("the same one: %v", err)
	}
	if _, err := fx.repo.Reopen(t.Context(), other.st); !errors.Is(err, ErrAnotherRepository) {
		t.Errorf("another one: %v", err)
	}
	if _, err := fx.repo.Reopen(t.Context(), newMemStorage()); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	for st, want := range map[Storage]bool{fx.st: true, other.st: false, newMemStorage(): false} {
		if has, err := fx.repo.HasKeys(t.Context(), st); err != nil || has != want {
			t.Errorf("it has the keys: %v, %v, want %v", has, err, want)
		}
	}
}

// A storage that is away is asked once for what a look has found. One that has answered
// wrongly is asked again.
func TestSealedAsksAgain(t *testing.T) {
	fx := getFixture(t, flavours[1])
	look, err := LookAt(t.Context(), fx.st, nil)
	if err != nil {
		t.Fatal(err)
	}
	away := fx.st.clone()
	away.fail = errors.New("the storage is away")
	if _, err := look.Sealed.Open(t.Context(), away, password, ""); !errors.Is(err, away.fail) || away.opens.Load() != 1 {
		t.Errorf("after %d requests: %v", away.opens.Load(), err)
	}
	changed := &changing{memStorage: fx.st, wrong: 2, asked: map[string]int{}}
	if _, err := look.Sealed.Open(t.Context(), changed, password, ""); err != nil {
		t.Error(err)
	}
	look.Sealed.config = bytes.Clone(look.Sealed.config)
	look.Sealed.config[40] ^= 1
	if _, err := look.Sealed.Open(t.Context(), fx.st, password, ""); err != nil {
		t.Error(err)
	}
}
