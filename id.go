package syncline

import (
	"encoding/hex"
	"strings"
)

// ID identifies one of Syncline's own objects: a UUID in its 36-character,
// lower-case text form. The zero value means none.
type ID string

// ParseID reads a UUID in its 36-character text form, in either letter case.
// Anything else is CodeInvalid.
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return "", Errorf(CodeInvalid, "%q is not a UUID (expected 36 characters like 00000000-0000-0000-0000-000000000000)", clip(s))
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return "", Errorf(CodeInvalid, "%q is not a UUID", s)
			}
			continue
		}
		if !isHex(c) {
			return "", Errorf(CodeInvalid, "%q is not a UUID", s)
		}
	}
	return ID(strings.ToLower(s)), nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// clip keeps an echoed value short.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// Hash is a SHA-256: the name of a blob, pack, index or snapshot in a restic
// repository. The zero value means none.
type Hash [32]byte

// ParseHash reads 64 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 64 {
		return h, Errorf(CodeInvalid, "%q is not a SHA-256 (expected 64 hexadecimal digits)", clip(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, Errorf(CodeInvalid, "%q is not a SHA-256 (expected 64 hexadecimal digits)", s)
	}
	return h, nil
}

// IsZero reports whether h names nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first eight digits, as restic shows ids to people.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// MarshalText writes the form of String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the form of String.
func (h *Hash) UnmarshalText(b []byte) error {
	v, err := ParseHash(string(b))
	if err != nil {
		return err
	}
	*h = v
	return nil
}
