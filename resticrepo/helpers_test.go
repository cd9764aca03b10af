package resticrepo

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/crypto/poly1305" //nolint:staticcheck // the repository format uses it

	"syncline.dev/syncline/internal/resticfixture"
)

// memStorage is a repository in memory. A test changes its own clone.
type memStorage struct {
	files map[string][]byte
	opens *atomic.Int64
	fail  error // what every call returns, unless nil
}

func newMemStorage() *memStorage {
	return &memStorage{files: map[string][]byte{}, opens: new(atomic.Int64)}
}

// loadMemStorage reads the files below dir.
func loadMemStorage(t testing.TB, dir string) *memStorage {
	t.Helper()
	m := newMemStorage()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		m.files[filepath.ToSlash(strings.TrimPrefix(path, dir+"/"))] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *memStorage) clone() *memStorage {
	return &memStorage{files: maps.Clone(m.files), opens: new(atomic.Int64)}
}

func (m *memStorage) List(_ context.Context, dir string, fn func(string, int64) error) error {
	if m.fail != nil {
		return m.fail
	}
	found := false
	for name, b := range m.files {
		if strings.HasPrefix(name, dir+"/") {
			found = true
			if err := fn(name, int64(len(b))); err != nil {
				return err
			}
		}
	}
	if !found {
		return &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	return nil
}

func (m *memStorage) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	m.opens.Add(1)
	if m.fail != nil {
		return nil, m.fail
	}
	b, ok := m.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	b = b[min(offset, int64(len(b))):]
	if length < 0 {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	if int64(len(b)) < length {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b), failingReader{io.ErrUnexpectedEOF})), nil
	}
	return io.NopCloser(bytes.NewReader(b[:length])), nil
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// restic runs the restic on PATH.
func restic(t testing.TB, repo, password string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(resticfixture.Restic(t), append([]string{"--no-cache", "--quiet", "-r", repo}, args...)...)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+password, "RESTIC_PROGRESS_FPS=0", "TZ=Asia/Kolkata")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("restic %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// testKey is the key with which tests seal data.
func testKey(t testing.TB) *cryptoKey {
	t.Helper()
	seed := sha256.Sum256([]byte("a key of the tests"))
	key, err := newCryptoKey(seed[:], seed[:16], seed[16:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// seal is the inverse of open.
func (k *cryptoKey) seal(plain []byte) []byte {
	out := make([]byte, ivSize+len(plain), len(plain)+overhead)
	if _, err := rand.Read(out[:ivSize]); err != nil {
		panic(err)
	}
	cipher.NewCTR(k.encrypt, out[:ivSize]).XORKeyStream(out[ivSize:], plain)
	var key [32]byte
	copy(key[:], k.r[:])
	k.nonce.Encrypt(key[16:], out[:ivSize])
	var mac [16]byte
	poly1305.Sum(&mac, out[ivSize:], &key)
	return append(out, mac[:]...)
}

// compress makes a zstd frame as restic does.
func compress(t testing.TB, b []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = enc.Close() }()
	return enc.EncodeAll(b, nil)
}

// put stores a document as restic stores an unpacked file.
func (m *memStorage) put(key *cryptoKey, dir string, plain []byte) File {
	sealed := key.seal(plain)
	f := File{ID: sha256.Sum256(sealed), Size: int64(len(sealed))}
	m.files[dir+"/"+f.ID.String()] = sealed
	return f
}
