package resticrepo

import (
	"encoding/hex"
	"fmt"
)

// ID is a SHA-256: the name of a blob, pack, index, snapshot or key. The zero
// value means none.
type ID [32]byte

// ParseID reads 64 hexadecimal digits.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) || !decodeHex(id[:], s) {
		return ID{}, fmt.Errorf("%q is not a SHA-256 (expected 64 hexadecimal digits)", clip(s))
	}
	return id, nil
}

// String returns 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight digits, as restic shows ids to people.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the form of String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the form of String, in either letter case.
func (id *ID) UnmarshalText(b []byte) error {
	v, err := ParseID(string(b))
	if err != nil {
		return err
	}
	*id = v
	return nil
}

// notHex marks a byte that is no hexadecimal digit in hexDigit.
const notHex = 0x80

// hexDigit maps a byte to the value of the hexadecimal digit it is.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = byte(10+i), byte(10+i)
	}
	return t
}()

// decodeHex fills dst from 2*len(dst) digits and reports whether all of them
// were. One check at the end keeps the loop free of branches: trees hold a
// hash per node.
func decodeHex[S string | []byte](dst []byte, src S) bool {
	if len(src) < 2*len(dst) {
		return false
	}
	var bad byte
	for i := range dst {
		hi, lo := hexDigit[src[2*i]], hexDigit[src[2*i+1]]
		bad |= hi | lo
		dst[i] = hi<<4 | lo&0x0f
	}
	return bad&notHex == 0
}

// clip keeps an echoed value short.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
