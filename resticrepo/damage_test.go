package resticrepo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
)

// fastKey makes a key file of password that opens at once, without restic's
// half second.
func (m *memStorage) fastKey(t *testing.T, password string, change func(f map[string]any)) ID {
	t.Helper()
	return m.fastKeyOf(t, "a key of the tests", password, change)
}

// fastKeyOf is fastKey with a master key that is made from a text.
func (m *memStorage) fastKeyOf(t *testing.T, text, password string, change func(f map[string]any)) ID {
	t.Helper()
	seed := sha256.Sum256([]byte(text))
	master, err := json.Marshal(map[string]any{"mac": map[string]any{"k": seed[:16], "r": seed[16:]}, "encrypt": seed[:]})
	if err != nil {
		t.Fatal(err)
	}
	f := keyFile{KDF: "scrypt", N: 2, R: 1, P: 1, Salt: []byte("salt")}
	user, err := f.userKey(password)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{"kdf": "scrypt", "N": 2, "r": 1, "p": 1, "salt": []byte("salt"), "data": user.seal(master)}
	if change != nil {
		change(fields)
	}
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	id := ID(sha256.Sum256(b))
	m.files["keys/"+id.String()] = b
	return id
}

const testConfig = `{"version":2,"id":"` + hashA + `","chunker_polynomial":"25b468838dcb75"}`

// smallRepository makes a repository that opens with "pass".
func smallRepository(t *testing.T, config string) *memStorage {
	t.Helper()
	m := newMemStorage()
	m.fastKey(t, "pass", nil)
	m.files["config"] = testKey(t).seal([]byte(config))
	return m
}

func TestOpenDamaged(t *testing.T) {
	replaceKeys := func(m *memStorage) {
		for name := range m.files {
			if strings.HasPrefix(name, "keys/") {
				delete(m.files, name)
			}
		}
	}
	// There are so many of another repository's keys that one is tried first.
	foreignKeys := func(password string) func(m *memStorage) {
		return func(m *memStorage) {
			for i := range 8 {
				m.fastKeyOf(t, fmt.Sprintf("another repository's key %d", i), password, nil)
			}
		}
	}
	broken := errors.New("the cable is cut")
	for name, c := range map[string]struct {
		change func(m *memStorage)
		want   error
	}{
		"good":             {func(*memStorage) {}, nil},
		"nothing":          {func(m *memStorage) { clear(m.files) }, ErrNoRepository},
		"other files":      {func(m *memStorage) { clear(m.files); m.files["readme.txt"] = nil }, ErrNoRepository},
		"no config":        {func(m *memStorage) { delete(m.files, "config") }, ErrDamaged},
		"empty config":     {func(m *memStorage) { m.files["config"] = nil }, ErrDamaged},
		"cut config":       {func(m *memStorage) { m.files["config"] = m.files["config"][:40] }, ErrDamaged},
		"flipped config":   {func(m *memStorage) { m.files["config"][20] ^= 4 }, ErrDamaged},
		"long config":      {func(m *memStorage) { m.files["config"] = make([]byte, MaxConfigSize+1) }, ErrDamaged},
		"no keys":          {replaceKeys, ErrDamaged},
		"wrong password":   {func(m *memStorage) { replaceKeys(m); m.fastKey(t, "other", nil) }, ErrWrongPassword},
		"foreign keys":     {foreignKeys("pass"), nil},
		"only foreign":     {func(m *memStorage) { replaceKeys(m); foreignKeys("pass")(m) }, ErrDamaged},
		"foreign, wrong":   {func(m *memStorage) { replaceKeys(m); foreignKeys("other")(m) }, ErrWrongPassword},
		"another good key": {func(m *memStorage) { m.fastKey(t, "other", nil); m.files["keys/"+hashA] = []byte("{}") }, nil},
		"cut key": {func(m *memStorage) {
			for name, b := range m.files {
				if strings.HasPrefix(name, "keys/") {
					m.files[name] = b[:len(b)/2]
				}
			}
		}, ErrDamaged},
		"no key file, but something": {func(m *memStorage) { replaceKeys(m); m.files["keys/x.tmp"] = nil }, ErrDamaged},
		"key of wrong types": {func(m *memStorage) {
			replaceKeys(m)
			m.fastKey(t, "pass", func(f map[string]any) { f["N"] = "2" })
		}, ErrDamaged},
		"key of another kdf": {func(m *memStorage) {
			replaceKeys(m)
			m.fastKey(t, "pass", func(f map[string]any) { f["kdf"] = "argon2" })
		}, ErrDamaged},
		"storage": {func(m *memStorage) { m.fail = broken }, broken},
	} {
		m := smallRepository(t, testConfig)
		c.change(m)
		repo, err := Open(t.Context(), m, "pass")
		if !errors.Is(err, c.want) || (repo == nil) != (c.want != nil) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if errors.Is(err, ErrDamaged) && errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s: the error is two at once: %v", name, err)
		}
	}
}

// TestKeyParametersAreBounded opens keys that would take all memory or time if
// their parameters were used.
func TestKeyParametersAreBounded(t *testing.T) {
	for _, p := range [][3]int{
		{1 << 40, 8, 1},
		{1 << 20, 64, 1},
		{3, 1, 1},
		{0, 1, 1},
		{2, 0, 1},
		{2, 1, 0},
		{2, 1, 1 << 29},
		{2, 1 << 29, 1},
		{-2, 1, 1},
		{1 << 20, 8, 16},
		{2, 1, 1 << 23},
		{2, 1, 1 << 62},
	} {
		m := newMemStorage()
		m.files["config"] = []byte("x")
		m.fastKey(t, "pass", func(f map[string]any) { f["N"], f["r"], f["p"] = p[0], p[1], p[2] })
		if _, err := Open(t.Context(), m, "pass"); !errors.Is(err, ErrDamaged) {
			t.Errorf("N, r, p = %v: error %v", p, err)
		}
	}
	// The last three are restic's results on a fast and on busy machines.
	for _, p := range [][3]int64{{1 << 15, 8, 1}, {1 << 18, 8, 1}, {1 << 20, 8, 1}, {1 << 15, 8, 40}, {1 << 12, 8, 20}, {1 << 4, 8, 9000}} {
		f := keyFile{KDF: "scrypt", N: p[0], R: p[1], P: p[2], Salt: []byte("s"), Data: make([]byte, 64)}
		if err := f.check(); err != nil {
			t.Errorf("N, r, p = %v: %v", p, err)
		}
	}
}

func TestConfigs(t *testing.T) {
	for config, want := range map[string]error{
		testConfig: nil,
		strings.Replace(testConfig, `:2`, `:1`, 1):             nil,
		strings.Replace(testConfig, `:2`, `:3`, 1):             ErrUnsupportedVersion,
		`{"version":3,"id":{"new":"form"}}`:                    ErrUnsupportedVersion,
		`{"version":0}`:                                        ErrUnsupportedVersion,
		`{}`:                                                   ErrUnsupportedVersion,
		strings.Replace(testConfig, `:2`, `:"2"`, 1):           ErrDamaged,
		strings.Replace(testConfig, hashA, "x", 1):             ErrDamaged,
		strings.Replace(testConfig, "25b468838dcb75", "xy", 1): ErrDamaged,
		`{"version":2,"chunker_polynomial":"1"}`:               ErrDamaged,
		`[]`:                                                   ErrDamaged,
		`{`:                                                    ErrDamaged,
		"\x02{}":                                               ErrDamaged,
		"\x07":                                                 ErrDamaged,
		"":                                                     ErrDamaged,
	} {
		repo, err := Open(t.Context(), smallRepository(t, config), "pass")
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: error %v, want %v", config, err, want)
		}
		if err == nil && repo.Config().ChunkerPolynomial != 0x25b468838dcb75 {
			t.Errorf("%s: %+v", config, repo.Config())
		}
	}
}

// TestFilesDamaged damages every snapshot and index of a real repository in
// several ways.
func TestFilesDamaged(t *testing.T) {
	fx := getFixture(t, flavours[1])
	for name, good := range fx.st.files {
		dir, base, _ := strings.Cut(name, "/")
		var load func(r *Repository, f File) error
		switch dir {
		case "snapshots":
			load = func(r *Repository, f File) error { _, err := r.LoadSnapshot(t.Context(), f); return err }
		case "index":
			load = func(r *Repository, f File) error { _, err := r.LoadIndex(t.Context(), f); return err }
		default:
			continue
		}
		id, err := ParseID(base)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, st *memStorage, want error) {
			t.Helper()
			err := load(fx.repo.With(st), File{ID: id})
			if !errors.Is(err, want) {
				t.Errorf("%s %s: error %v, want %v", name, what, err, want)
			}
			if errors.Is(want, ErrDamaged) && !strings.Contains(err.Error(), name) {
				t.Errorf("%s %s: the error does not name it: %v", name, what, err)
			}
		}
		check("whole", fx.st, nil)
		for what, bad := range map[string][]byte{
			"empty": {}, "cut": good[:len(good)-1], "cut short": good[:10],
			"flipped": append([]byte{good[0] ^ 1}, good[1:]...), "longer": append(bytes.Clone(good), 0),
		} {
			st := fx.st.clone()
			st.files[name] = bad
			check(what, st, ErrDamaged)
		}
		st := fx.st.clone()
		delete(st.files, name)
		check("gone", st, ErrNotFound)
		check("gone", st, fs.ErrNotExist)
	}
}

// TestDocuments stores documents that are sealed correctly and have wrong
// content.
func TestDocuments(t *testing.T) {
	key := testKey(t)
	good := `{"time":"2015-01-02T18:10:50.895208559+01:00","tree":"` + hashA + `","paths":["/a"],"hostname":"h","original":"` + hashB + `","tags":null,"summary":{"files_new": 1},"later":[1]}`
	for plain, ok := range map[string]bool{
		good: true, "\x02" + string(compress(t, []byte(good))): true,
		strings.Replace(good, `"tree":"`+hashA+`",`, "", 1): false, strings.Replace(good, hashA, "abc", 1): false,
		strings.Replace(good, "2015", "15", 1): false, strings.Replace(good, `["/a"]`, `"/a"`, 1): false,
		"[]": false, "{": false, "null": false, "\x02": false, "\x02abc": false, "\x03": false, " {}": false,
	} {
		m := newMemStorage()
		repo := (&Repository{key: key}).With(m)
		s, err := repo.LoadSnapshot(t.Context(), m.put(key, "snapshots", []byte(plain)))
		if ok != (err == nil) || !ok && !errors.Is(err, ErrDamaged) {
			t.Errorf("snapshot %q: %v", plain, err)
		}
		if ok && (s.Original.String() != hashB || string(s.Summary) != `{"files_new": 1}` || s.Time.Format("-07:00") != "+01:00" || s.Tree.String() != hashA) {
			t.Errorf("snapshot %+v", s)
		}
	}
	for _, plain := range append(badIndexes, "\x02"+badIndexes[5]) {
		m := newMemStorage()
		repo := (&Repository{key: key}).With(m)
		if _, err := repo.LoadIndex(t.Context(), m.put(key, "index", []byte(plain))); !errors.Is(err, ErrDamaged) {
			t.Errorf("index %.80q: %v", plain, err)
		}
	}
}

func TestListings(t *testing.T) {
	key := testKey(t)
	m := newMemStorage()
	repo := (&Repository{key: key}).With(m)
	if _, err := repo.Snapshots(t.Context()); !errors.Is(err, ErrNoRepository) {
		t.Errorf("a folder that vanished: %v", err)
	}
	m.files["config"] = []byte("x")
	if files, err := repo.Snapshots(t.Context()); err != nil || len(files) != 0 {
		t.Errorf("no folder: %v, %v", files, err)
	}
	for _, name := range []string{hashB, hashA, hashA + ".tmp", "x", strings.ToUpper(hashA), "sub/" + hashA, hashA[:63] + "g"} {
		m.files["snapshots/"+name] = []byte("12345")
	}
	files, err := repo.Snapshots(t.Context())
	if err != nil || len(files) != 2 || files[0].ID.String() != hashB || files[1] != (File{ID: files[1].ID, Size: 5}) {
		t.Errorf("%v, %v", files, err)
	}
	m.fail = io.ErrClosedPipe
	if _, err := repo.Indexes(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("storage's error: %v", err)
	}
}

func TestLocks(t *testing.T) {
	key := testKey(t)
	m := newMemStorage()
	repo := (&Repository{key: key}).With(m)
	m.files["config"] = []byte("x")
	if locks, err := repo.Locks(t.Context()); err != nil || len(locks) != 0 {
		t.Errorf("no locks: %v, %v", locks, err)
	}
	f := m.put(key, "locks", []byte(`{"time":"2015-06-27T12:18:51.759239612+02:00","exclusive":true,"hostname":"kasimir","username":"fd0","pid":13607,"uid":1000,"gid":100}`))
	m.put(key, "locks", []byte(`{"time":7}`))
	m.files["locks/"+hashA] = []byte("damaged")
	locks, err := repo.Locks(t.Context())
	if err != nil || len(locks) != 1 || locks[0].ID != f.ID || !locks[0].Exclusive || locks[0].Hostname != "kasimir" || locks[0].Username != "fd0" ||
		locks[0].PID != 13607 || locks[0].Time.Unix() != 1435400331 {
		t.Errorf("%+v, %v", locks, err)
	}
}

// packHeader makes a header; kinds are those of the format, 0 to 3.
func packHeader(kinds []byte, lengths []uint32) []byte {
	var h []byte
	for i, kind := range kinds {
		h = binary.LittleEndian.AppendUint32(append(h, kind), lengths[i])
		if kind >= 2 {
			h = binary.LittleEndian.AppendUint32(h, 1000)
		}
		id := sha256.Sum256([]byte{byte(i)})
		h = append(h, id[:]...)
	}
	return h
}

func TestReadPackHeader(t *testing.T) {
	key := testKey(t)
	build := func(body int, header []byte) []byte {
		sealed := key.seal(header)
		return binary.LittleEndian.AppendUint32(append(make([]byte, body), sealed...), uint32(len(sealed)))
	}
	many := packHeader(bytes.Repeat([]byte{3}, 1000), slicesOf(40, 1000))
	for name, c := range map[string]struct {
		pack []byte
		want int // blobs; 0 for damage
	}{
		"one":          {build(40, packHeader([]byte{0}, []uint32{40})), 1},
		"all kinds":    {build(160, packHeader([]byte{0, 1, 2, 3}, slicesOf(40, 4))), 4},
		"long":         {build(40000, many), 1000},
		"empty":        {nil, 0},
		"short":        {make([]byte, 20), 0},
		"zeros":        {make([]byte, 5000), 0},
		"ones":         {bytes.Repeat([]byte{0xff}, 5000), 0},
		"no entries":   {build(100, nil), 0},
		"unknown kind": {build(40, packHeader([]byte{4}, []uint32{40})), 0},
		"cut entry":    {build(80, packHeader([]byte{0, 1}, slicesOf(40, 2))[:60]), 0},
		"beyond":       {build(40, packHeader([]byte{0}, []uint32{41})), 0},
		"gap":          {build(41, packHeader([]byte{0}, []uint32{40})), 0},
		"overflow":     {build(40, packHeader([]byte{0, 0}, []uint32{1 << 31, 1<<31 + 40})), 0},
		"tiny blob":    {build(31, packHeader([]byte{0}, []uint32{31})), 0},
	} {
		m := newMemStorage()
		repo := (&Repository{key: key}).With(m)
		m.files[PackName(somePack)] = c.pack
		blobs, err := repo.ReadPackHeader(t.Context(), somePack, int64(len(c.pack)))
		if len(blobs) != c.want || (c.want == 0) != errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %d blobs, %v", name, len(blobs), err)
		}
		if c.want == 0 {
			continue
		}
		if n := m.opens.Load(); n > 2 {
			t.Errorf("%s: %d reads", name, n)
		}
		if last := blobs[c.want-1]; last.Offset != uint32(40*(c.want-1)) || last.Length != 40 {
			t.Errorf("%s: %+v", name, last)
		}
		if _, err := repo.ReadPackHeader(t.Context(), somePack, int64(len(c.pack))+1); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, a byte too long: %v", name, err)
		}
		if _, err := repo.ReadPackHeader(t.Context(), ID{1}, int64(len(c.pack))); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s, missing: %v", name, err)
		}
	}
}

func slicesOf(v uint32, n int) []uint32 {
	s := make([]uint32, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func FuzzPackHeader(f *testing.F) {
	f.Add(packHeader([]byte{0, 1, 2, 3}, slicesOf(40, 4)), int64(160))
	f.Add(packHeader([]byte{0, 0}, []uint32{1 << 31, 1<<31 + 40}), int64(1<<32+40))
	f.Add([]byte{4}, int64(0))
	f.Fuzz(func(t *testing.T, plain []byte, size int64) {
		blobs, err := parsePackHeader(plain, size)
		if err != nil {
			return
		}
		var offset int64
		var again []byte
		for _, b := range blobs {
			if int64(b.Offset) != offset || b.check() != nil {
				t.Fatalf("blob %+v at %d", b, offset)
			}
			offset += int64(b.Length)
			kind := byte(b.Type)
			// A compressed entry may say that its blob decodes to nothing.
			if n := len(again); b.UncompressedLength != 0 || plain[n] >= 2 {
				kind += 2
			}
			again = binary.LittleEndian.AppendUint32(append(again, kind), b.Length)
			if kind >= 2 {
				again = binary.LittleEndian.AppendUint32(again, b.UncompressedLength)
			}
			again = append(again, b.ID[:]...)
		}
		if offset != size || !bytes.Equal(again, plain) {
			t.Fatalf("%d of %d bytes; %x is not %x", offset, size, again, plain)
		}
	})
}

func TestID(t *testing.T) {
	id, err := ParseID(strings.ToUpper(hashA))
	if err != nil || id.String() != hashA || id.Short() != hashA[:8] || id.IsZero() || !(ID{}).IsZero() {
		t.Errorf("%v, %v", id, err)
	}
	if want := "data/b2/" + hashA; PackName(id) != want {
		t.Errorf("pack name %s", PackName(id))
	}
	for _, s := range []string{"", hashA[1:], hashA + "0", "g" + hashA[1:], strings.Repeat("é", 32)} {
		if _, err := ParseID(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
	var back ID
	b, err := json.Marshal(id)
	if err != nil || json.Unmarshal(b, &back) != nil || back != id {
		t.Errorf("%s, %v", b, err)
	}
}
