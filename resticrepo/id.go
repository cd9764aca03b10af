package resticrepo

import (
	"encoding/hex"
	"fmt"
)

// ID is a SHA-256: the name of a blob, pack, index, snapshot or key. The zero
// value stands for none.
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

// Short returns the first eight digits, the form that restic shows to people.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether id is the zero value.
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

// notHex marks a byte in hexDigit that is no hexadecimal digit.
const notHex = 0x80

// hexDigit maps a hexadecimal digit to its value.
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

// decodeHex fills dst from 2*len(dst) digits. It reports whether all of them
// are hexadecimal. One check at the end keeps the loop free of branches, since
// trees hold a hash per node.
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

// clip shortens a value for an error message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
