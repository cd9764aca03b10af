package resticfixture

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/crypto/poly1305" //nolint:staticcheck // the repository format uses it
	"golang.org/x/crypto/scrypt"
)

// QuickKey replaces a repository's keys by one key for Password that is derived
// at once. It is for tests that open the repository many times.
func QuickKey(t testing.TB, repo string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repo, "keys", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var quick []byte
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if quick == nil {
			quick = quickened(t, raw)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if quick == nil {
		t.Fatalf("none of %d keys opens with the password", len(files))
	}
	sum := sha256.Sum256(quick)
	if err := os.WriteFile(filepath.Join(repo, "keys", hex.EncodeToString(sum[:])), quick, 0o600); err != nil {
		t.Fatal(err)
	}
}

// quickKeys keeps the results of quickened, by their arguments. A derivation
// takes a second with the race detector.
var quickKeys sync.Map

// quickened returns a key file with the master key of raw that is derived at
// once. It returns nil if Password does not open raw.
func quickened(t testing.TB, raw []byte) []byte {
	t.Helper()
	if quick, ok := quickKeys.Load(string(raw)); ok {
		return quick.([]byte)
	}
	quick := makeQuick(t, raw)
	quickKeys.Store(string(raw), quick)
	return quick
}

func makeQuick(t testing.TB, raw []byte) []byte {
	t.Helper()
	var fields map[string]any
	var key struct {
		N, R, P    int
		Salt, Data []byte
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	nonce, sealed := key.Data[:aes.BlockSize], key.Data[aes.BlockSize:len(key.Data)-poly1305.TagSize]
	master := make([]byte, len(sealed))
	user := userKey(t, key.Salt, key.N, key.R, key.P)
	user.stream(t, nonce).XORKeyStream(master, sealed)
	if !bytes.Equal(user.seal(t, nonce, master), key.Data) {
		return nil
	}
	fields["N"], fields["r"], fields["p"] = 2, 8, 1
	fields["data"] = userKey(t, key.Salt, 2, 8, 1).seal(t, nonce, master)
	quick, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return quick
}

// derivedKey is scrypt's result for the password: 32 bytes for encryption, and
// twice 16 for authentication.
type derivedKey []byte

func userKey(t testing.TB, salt []byte, n, r, p int) derivedKey {
	t.Helper()
	k, err := scrypt.Key([]byte(Password), salt, n, r, p, 64)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func block(t testing.TB, key []byte) cipher.Block {
	t.Helper()
	b, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (k derivedKey) stream(t testing.TB, nonce []byte) cipher.Stream {
	t.Helper()
	return cipher.NewCTR(block(t, k[:32]), nonce)
}

// seal returns nonce, ciphertext and tag.
func (k derivedKey) seal(t testing.TB, nonce, plain []byte) []byte {
	t.Helper()
	out := make([]byte, len(plain))
	k.stream(t, nonce).XORKeyStream(out, plain)
	var once [32]byte
	copy(once[:16], k[48:])
	block(t, k[32:48]).Encrypt(once[16:], nonce)
	var tag [poly1305.TagSize]byte
	poly1305.Sum(&tag, out, &once)
	return append(append(append([]byte(nil), nonce...), out...), tag[:]...)
}
