package explore

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"syncline.dev/syncline"
)

var (
	// errEnough ends a walk that has found enough.
	errEnough = errors.New("enough")

	errBadCursor = syncline.Errorf(syncline.CodeInvalid,
		"the cursor does not belong to this query; take the nextCursor of the page before and leave the other parameters as they were")
)

// cursorKey returns a text that identifies a query.
func cursorKey(parts ...any) string { return fmt.Sprintf("%#v", parts) }

// cursorSum is the number of bytes in a cursor that identify its query.
const cursorSum = 8

// encodeCursor makes a cursor of numbers for one query.
func encodeCursor(key string, numbers ...uint64) string {
	sum := sha256.Sum256([]byte(key))
	b := append([]byte(nil), sum[:cursorSum]...)
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor returns the numbers of a cursor of this query.
func decodeCursor(key, cursor string) ([]uint64, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	sum := sha256.Sum256([]byte(key))
	if err != nil || len(b) < cursorSum || string(b[:cursorSum]) != string(sum[:cursorSum]) {
		return nil, errBadCursor
	}
	var numbers []uint64
	for b = b[cursorSum:]; len(b) > 0; {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			return nil, errBadCursor
		}
		numbers, b = append(numbers, n), b[used:]
	}
	return numbers, nil
}

// quoted returns a path for a message: short and on one line.
func quoted(path string) string {
	if len(path) > 120 {
		path = strings.ToValidUTF8(path[:120], "") + "…"
	}
	if q := strconv.Quote(path); len(q) <= 200 {
		return q
	}
	return "such path"
}
