package resticrepo

// This file holds the one-time authenticator of the format, in the variant
// Poly1305-AES. The imported package is deprecated because Poly1305 is easily
// misused. The format requires it, so it stays behind this one function.

import "golang.org/x/crypto/poly1305" //nolint:staticcheck // the repository format uses it

// verifyPoly1305 compares mac with the authenticator of msg, in constant time.
// The key is r followed by the encrypted nonce. The implementation clears the
// bits of r that the paper wants cleared.
func verifyPoly1305(mac *[16]byte, msg []byte, key *[32]byte) bool {
	return poly1305.Verify(mac, msg, key)
}
