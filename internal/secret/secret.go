// Package secret seals small secrets, such as repositories' passwords, with a
// key that lies in a file of its own, and keeps them out of logs. It knows
// neither their use nor the place of the sealed form.
package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"syncline.dev/syncline"
)

// A sealed secret is a version byte, a nonce of 24 random bytes, and the
// ciphertext with its tag of 16 bytes (XChaCha20-Poly1305). The version and the
// context are authenticated as well. Random nonces of this size do not repeat
// during the life of a key.
const (
	version  = 1
	overhead = 1 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

// Box seals and opens secrets with one key. It is safe for concurrent use.
type Box struct {
	aead   cipher.AEAD
	digest [32]byte // key of Digest
}

func newBox(key []byte) (*Box, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "")
	}
	// A key of its own, so that a digest says nothing of what is sealed.
	digest, err := hkdf.Expand(sha256.New, key, "syncline digest", 32)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "")
	}
	return &Box{aead: aead, digest: [32]byte(digest)}, nil
}

// Digest returns a digest of text that nobody without the key can compute. Equal texts
// have equal digests.
func (b *Box) Digest(text string) (sum [32]byte) {
	h := hmac.New(sha256.New, b.digest[:])
	_, _ = io.WriteString(h, text) // never fails
	return [32]byte(h.Sum(nil))
}

// Seal returns the sealed form of plaintext. Only Open with the same key file
// and the same context opens it. The context says whose secret it is, such as
// the id of its record, so a sealed secret does not open in another record. The
// sealed form is 41 bytes longer than the plaintext.
func (b *Box) Seal(plaintext []byte, context string) []byte {
	sealed := make([]byte, 1+chacha20poly1305.NonceSizeX, overhead+len(plaintext))
	sealed[0] = version
	nonce := sealed[1:]
	_, _ = rand.Read(nonce) // never fails, but ends the program
	return b.aead.Seal(sealed, nonce, plaintext, associated(context))
}

// Open returns the plaintext of a sealed form. CodeDamaged means that the
// sealed form was altered, belongs to another record or was sealed with another
// key file. These cases look the same.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) {
	if len(sealed) < overhead {
		return nil, syncline.WrapError(syncline.CodeDamaged, errors.New("sealed secret is too short"), msgCannotOpen)
	}
	if sealed[0] != version {
		return nil, syncline.Errorf(syncline.CodeUnsupported,
			"a stored secret was sealed by a newer Syncline; install that version or a later one")
	}
	nonce, ciphertext := sealed[1:1+chacha20poly1305.NonceSizeX], sealed[1+chacha20poly1305.NonceSizeX:]
	plaintext, err := b.aead.Open(nil, nonce, ciphertext, associated(context))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeDamaged, err, msgCannotOpen)
	}
	return plaintext, nil
}

const msgCannotOpen = "a stored secret cannot be opened with the server's key file; put back the key file that belongs to this database, or enter the secret again"

func associated(context string) []byte {
	return append([]byte{version}, context...)
}
