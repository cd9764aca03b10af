package settings

import (
	"math"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

// ParseSize reads a number of bytes, or one with K, M, G or T.
func ParseSize(text string) (uint64, error) {
	number, shift := strings.ToLower(text), 0
	for i, unit := range []string{"b", "k", "m", "g", "t"} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			number, shift = rest, 10*i
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > (1<<64-1)>>shift {
		return 0, syncline.Errorf(syncline.CodeInvalid, "%q is not a size; write a number of bytes, or one with K, M, G or T", clip.Text(text, most))
	}
	return n << shift, nil
}

// ParseKeepFree reads the free space to leave on a file system: a size, or "off",
// for which it returns nil. An empty text is the default.
func ParseKeepFree(text string, byDefault func(total int64) int64) (func(total int64) int64, error) {
	switch text {
	case "":
		return byDefault, nil
	case "off":
		return nil, nil //nolint:nilnil // no limit
	}
	n, err := ParseSize(text)
	size := int64(min(n, math.MaxInt64)) //nolint:gosec // cut off just before
	return func(int64) int64 { return size }, err
}
