package resticrepo

// The one-time authenticator of the format. The package is marked deprecated
// because Poly1305 is easily misused; the format asks for it, in the variant
// Poly1305-AES, and so it is kept behind this one function.

import "golang.org/x/crypto/poly1305" //nolint:staticcheck // the repository format uses it

// verifyPoly1305 compares mac with the authenticator of msg, in constant time.
// The key is r followed by the encrypted nonce; the bits of r that the paper
// wants cleared are cleared by the implementation.
func verifyPoly1305(mac *[16]byte, msg []byte, key *[32]byte) bool {
	return poly1305.Verify(mac, msg, key)
}
