package demorepo

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/poly1305" //nolint:staticcheck // the repository format uses it
	"golang.org/x/crypto/scrypt"
)

// redate writes the snapshots of an unpacked repository anew, so that the
// newest is of that time and the others keep their distances from it. A
// demonstration then shows backups that are not overdue.
func redate(repository string, newest time.Time) error {
	key, err := openKey(repository)
	if err != nil {
		return err
	}
	snapshots, err := readSnapshots(repository, key)
	if err != nil {
		return err
	}
	shift := newest.Sub(snapshots[len(snapshots)-1].time)
	renamed := make(map[string]string)
	for _, s := range snapshots {
		s.set("time", s.time.Add(shift))
		if parent, ok := renamed[s.text("parent")]; ok {
			s.set("parent", parent)
		}
		if err := s.redateSummary(shift); err != nil {
			return err
		}
		plain, err := json.Marshal(s.fields)
		if err != nil {
			return err
		}
		sealed := key.seal(plain)
		sum := sha256.Sum256(sealed)
		renamed[s.id] = hex.EncodeToString(sum[:])
		folder := filepath.Join(repository, "snapshots")
		err = errors.Join(os.WriteFile(filepath.Join(folder, renamed[s.id]), sealed, 0o600), os.Remove(filepath.Join(folder, s.id)))
		if err != nil {
			return err
		}
	}
	return nil
}

type snapshot struct {
	id     string
	time   time.Time
	fields map[string]json.RawMessage
}

func (s *snapshot) set(field string, value any) { s.fields[field], _ = json.Marshal(value) }

func (s *snapshot) text(field string) (text string) {
	_ = json.Unmarshal(s.fields[field], &text) // a missing one is ""
	return text
}

// redateSummary moves the times at which the backup began and ended.
func (s *snapshot) redateSummary(shift time.Duration) error {
	if s.fields["summary"] == nil {
		return nil
	}
	summary := snapshot{}
	if err := json.Unmarshal(s.fields["summary"], &summary.fields); err != nil {
		return err
	}
	for _, field := range []string{"backup_start", "backup_end"} {
		t, err := time.Parse(time.RFC3339Nano, summary.text(field))
		if err != nil {
			return err
		}
		summary.set(field, t.Add(shift))
	}
	s.set("summary", summary.fields)
	return nil
}

// readSnapshots returns the snapshots, the oldest first.
func readSnapshots(repository string, key *masterKey) (list []snapshot, err error) {
	names, err := filepath.Glob(filepath.Join(repository, "snapshots", "*"))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	for _, name := range names {
		sealed, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		plain, err := key.open(sealed)
		if err == nil && len(plain) > 0 && plain[0] == 2 { // compressed
			plain, err = decoder.DecodeAll(plain[1:], nil)
		}
		s := snapshot{id: filepath.Base(name)}
		if err == nil {
			err = json.Unmarshal(plain, &s.fields)
		}
		if err == nil {
			s.time, err = time.Parse(time.RFC3339Nano, s.text("time"))
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no snapshot")
	}
	slices.SortFunc(list, func(a, b snapshot) int { return a.time.Compare(b.time) })
	return list, nil
}

// masterKey encrypts with a block cipher and authenticates with k and r.
type masterKey struct {
	encrypt cipher.Block
	k       cipher.Block
	r       []byte
}

func newMasterKey(encrypt, k, r []byte) (*masterKey, error) {
	e, err := aes.NewCipher(encrypt)
	if err != nil {
		return nil, err
	}
	mac, err := aes.NewCipher(k)
	return &masterKey{e, mac, r}, err
}

// openKey opens the repository's only key with Password.
func openKey(repository string) (*masterKey, error) {
	names, err := filepath.Glob(filepath.Join(repository, "keys", "*"))
	if err != nil || len(names) != 1 {
		return nil, errors.Join(err, errors.New("there is not one key"))
	}
	raw, err := os.ReadFile(names[0])
	if err != nil {
		return nil, err
	}
	var file struct {
		N, R, P    int
		Salt, Data []byte
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	derived, err := scrypt.Key([]byte(Password), file.Salt, file.N, file.R, file.P, 64)
	if err != nil {
		return nil, err
	}
	user, err := newMasterKey(derived[:32], derived[32:48], derived[48:])
	if err != nil {
		return nil, err
	}
	plain, err := user.open(file.Data)
	if err != nil {
		return nil, err
	}
	var master struct {
		Mac     struct{ K, R []byte }
		Encrypt []byte
	}
	if err := json.Unmarshal(plain, &master); err != nil {
		return nil, err
	}
	return newMasterKey(master.Encrypt, master.Mac.K, master.Mac.R)
}

func (m *masterKey) tag(nonce, text []byte) (tag [poly1305.TagSize]byte) {
	var once [32]byte
	copy(once[:], m.r)
	m.k.Encrypt(once[16:], nonce)
	poly1305.Sum(&tag, text, &once)
	return tag
}

func (m *masterKey) open(sealed []byte) ([]byte, error) {
	if len(sealed) < aes.BlockSize+poly1305.TagSize {
		return nil, errors.New("a file is too short")
	}
	nonce, text, tag := sealed[:aes.BlockSize], sealed[aes.BlockSize:len(sealed)-poly1305.TagSize], sealed[len(sealed)-poly1305.TagSize:]
	if want := m.tag(nonce, text); subtle.ConstantTimeCompare(tag, want[:]) != 1 {
		return nil, errors.New("a file is damaged")
	}
	plain := make([]byte, len(text))
	cipher.NewCTR(m.encrypt, nonce).XORKeyStream(plain, text)
	return plain, nil
}

func (m *masterKey) seal(plain []byte) []byte {
	nonce := make([]byte, aes.BlockSize)
	_, _ = rand.Read(nonce) // it never fails
	text := make([]byte, len(plain))
	cipher.NewCTR(m.encrypt, nonce).XORKeyStream(text, plain)
	tag := m.tag(nonce, text)
	return slices.Concat(nonce, text, tag[:])
}
