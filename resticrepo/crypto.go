package resticrepo

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// The parts of all encrypted data: nonce, ciphertext, authenticator.
const (
	ivSize   = 16
	macSize  = 16
	overhead = ivSize + macSize
)

var errBadMAC = errors.New("its authentication code does not match")

// cryptoKey opens data that is sealed with AES-256 in counter mode and
// Poly1305-AES. It is safe for concurrent use.
type cryptoKey struct {
	encrypt cipher.Block // AES-256: the data
	nonce   cipher.Block // AES-128: the nonces of the authenticator
	r       [16]byte
}

// newCryptoKey takes the 32 bytes of the encryption key and the 16 bytes each
// of the authenticator's k and r.
func newCryptoKey(encrypt, k, r []byte) (*cryptoKey, error) {
	if len(encrypt) != 32 || len(k) != 16 || len(r) != 16 {
		return nil, errors.New("the parts of the key have wrong lengths")
	}
	e, err := aes.NewCipher(encrypt)
	if err != nil {
		return nil, err
	}
	n, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	key := &cryptoKey{encrypt: e, nonce: n}
	copy(key.r[:], r)
	return key, nil
}

// open authenticates sealed and then decrypts it in place, so the plaintext is
// a part of sealed. It decrypts nothing when the authentication fails.
func (k *cryptoKey) open(sealed []byte) ([]byte, error) {
	var scratch macScratch
	return k.openWith(&scratch, sealed)
}

// macScratch is the authenticator's memory. A Decoder keeps one, so that no
// blob allocates it.
type macScratch struct {
	key [32]byte
	mac [16]byte
}

func (k *cryptoKey) openWith(s *macScratch, sealed []byte) ([]byte, error) {
	if len(sealed) < overhead {
		return nil, errors.New("it is too short to be encrypted data")
	}
	iv := sealed[:ivSize]
	text := sealed[ivSize : len(sealed)-macSize]
	copy(s.mac[:], sealed[len(sealed)-macSize:])
	copy(s.key[:16], k.r[:])
	k.nonce.Encrypt(s.key[16:], iv)
	if !verifyPoly1305(&s.mac, text, &s.key) {
		return nil, errBadMAC
	}
	cipher.NewCTR(k.encrypt, iv).XORKeyStream(text, text)
	return text, nil
}
