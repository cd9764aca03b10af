package resticwriter

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/crypto/poly1305" //nolint:staticcheck // the repository format uses it
	"golang.org/x/crypto/scrypt"
)

// overhead is the length that sealing adds to a plaintext: a nonce before it
// and a tag behind.
const overhead = aes.BlockSize + poly1305.TagSize

// key seals bytes in the repository's format: AES-256 in counter mode, and
// Poly1305-AES over the ciphertext. Both use the same random nonce.
type key struct {
	encrypt, macK, macR []byte
	block, mac          cipher.Block
}

// newKey takes scrypt's 64 bytes: 32 for encryption, and twice 16 for
// authentication.
func newKey(b [64]byte) (*key, error) {
	k := &key{encrypt: b[:32], macK: b[32:48], macR: b[48:]}
	var err error
	if k.block, err = aes.NewCipher(k.encrypt); err != nil {
		return nil, err
	}
	k.mac, err = aes.NewCipher(k.macK)
	return k, err
}

// seal appends nonce, ciphertext and tag to dst.
func (k *key) seal(dst, plain []byte) []byte {
	var nonce [aes.BlockSize]byte
	rand.Read(nonce[:]) // never fails, but ends the program
	dst = append(dst, nonce[:]...)
	start := len(dst)
	dst = append(dst, plain...)
	cipher.NewCTR(k.block, nonce[:]).XORKeyStream(dst[start:], dst[start:])

	var once [32]byte
	copy(once[:16], k.macR)
	k.mac.Encrypt(once[16:], nonce[:])
	var tag [poly1305.TagSize]byte
	poly1305.Sum(&tag, dst[start:], &once)
	return append(dst, tag[:]...)
}

// KeyFile returns a key file for password with a master key, as restic's "cat masterkey"
// prints it. work is scrypt's N.
func KeyFile(password string, master []byte, work int) ([]byte, error) {
	const r, p = 8, 1
	salt := make([]byte, 64)
	rand.Read(salt)
	derived, err := scrypt.Key([]byte(password), salt, work, r, p, 64)
	if err != nil {
		return nil, fmt.Errorf("derive the key: %w", err)
	}
	user, err := newKey([64]byte(derived))
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Created  time.Time `json:"created"`
		Username string    `json:"username"`
		Hostname string    `json:"hostname"`
		KDF      string    `json:"kdf"`
		N        int       `json:"N"`
		R        int       `json:"r"`
		P        int       `json:"p"`
		Salt     []byte    `json:"salt"`
		Data     []byte    `json:"data"`
	}{time.Date(2026, 1, 5, 22, 0, 0, 0, time.UTC), "root", "bench", "scrypt", work, r, p, salt, user.seal(nil, master)})
}

// document returns the key as key files hold it.
func (k *key) document() ([]byte, error) {
	type mac struct {
		K []byte `json:"k"`
		R []byte `json:"r"`
	}
	return json.Marshal(struct {
		MAC     mac    `json:"mac"`
		Encrypt []byte `json:"encrypt"`
	}{mac{k.macK, k.macR}, k.encrypt})
}
