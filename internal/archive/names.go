package archive

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"syncline.dev/syncline/internal/numbered"
)

// validName reports whether a name is one element of a path.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// naming says how entries are named in an archive.
type naming struct {
	rule func(string) string
	// key is equal for names that are one file's name on some system.
	key func(string) string
}

// exactNaming is for tar archives that a program unpacks.
func exactNaming() naming { return naming{rule: asItIs, key: asItIs} }

// zipNaming is for archives that may be opened on any system.
func zipNaming() naming { return naming{rule: portable, key: newFold()} }

// tarNaming keeps names, except for misleading ones and for two names that are
// one name without letter case or after Windows has replaced characters.
func tarNaming() naming {
	fold := newFold()
	return naming{rule: readable, key: func(name string) string { return fold(portable(name)) }}
}

func asItIs(name string) string { return name }

// newFold returns a function that gives names the same form if some system
// takes them for one: without letter case, with accents composed in any way, or
// without characters that have no shape. The function is not safe for
// concurrent use.
func newFold() func(string) string {
	caser := cases.Fold()
	return func(name string) string {
		if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
			return strings.ToLower(name)
		}
		shaped := strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, norm.NFD.String(name))
		return norm.NFD.String(caser.String(shaped))
	}
}

// misleads reports whether a character makes a name look like another one: it
// turns text around, breaks the line, or cannot be seen. The two that join
// letters stay, because some languages need them.
func misleads(r rune) bool {
	const joiner, nonJoiner = '\u200d', '\u200c'
	return unicode.Is(unicode.Cc, r) || r == '\u2028' || r == '\u2029' ||
		unicode.Is(unicode.Cf, r) && r != joiner && r != nonJoiner
}

// readable returns a name without misleading characters. Bytes that are not
// UTF-8 stay.
func readable(name string) string {
	if strings.IndexFunc(name, misleads) < 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if misleads(r) {
			b.WriteByte('_')
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// portable returns a name that a file can have on every system, and that leads
// nowhere on any of them.
func portable(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "%%%02X", name[i])
		case misleads(r) || strings.ContainsRune(`<>:"\|?*`, r):
			b.WriteByte('_')
		default:
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	safe := b.String()
	if trimmed := strings.TrimRight(safe, ". "); trimmed != safe {
		// Windows drops these characters at the end, so "a." would be "a".
		safe = trimmed + strings.Repeat("_", len(safe)-len(trimmed))
	}
	if stem, rest, _ := strings.Cut(safe, "."); isDevice(strings.TrimRight(stem, " ")) {
		safe = stem + "_" + safe[len(stem):len(safe)-len(rest)] + rest
	}
	return safe
}

// isDevice reports whether Windows takes the name for a device.
func isDevice(stem string) bool {
	switch s := strings.ToUpper(stem); {
	case slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, s):
		return true
	case strings.HasPrefix(s, "COM"), strings.HasPrefix(s, "LPT"):
		return strings.Contains("|0|1|2|3|4|5|6|7|8|9|¹|²|³|", "|"+s[3:]+"|") && len(s) > 3
	}
	return false
}

// names gives the entries of one folder names, in their order, so that no two
// have the same key. An entry keeps its own name if the rule allows it and no
// entry before has it. The nil names change nothing.
type names struct {
	naming
	seed  maphash.Seed
	own   []uint64        // sorted hashes of the keys of names that may stay
	twice map[uint64]bool // those of own that repeat
	given map[string]bool // keys of given names that are not in own, or are in twice
	last  map[string]int  // numbers in use, by key
}

// newNames looks at all names of a folder. each runs through them.
func newNames(how naming, each func(func(name string)) error) (*names, error) {
	plain, first, before := true, true, ""
	err := each(func(name string) {
		if plain && (!first && name <= before || how.rule(name) != name || how.key(name) != name) {
			plain = false
		}
		first, before = false, name
	})
	if plain || err != nil {
		return nil, err
	}
	n := &names{
		naming: how, seed: maphash.MakeSeed(),
		twice: make(map[uint64]bool), given: make(map[string]bool), last: make(map[string]int),
	}
	plain = true
	err = each(func(name string) {
		if n.rule(name) == name {
			n.own = append(n.own, n.hash(n.key(name)))
		} else {
			plain = false
		}
	})
	slices.Sort(n.own)
	for i := 1; i < len(n.own); i++ {
		if n.own[i] == n.own[i-1] {
			n.twice[n.own[i]] = true
		}
	}
	if plain && len(n.twice) == 0 {
		return nil, err
	}
	return n, err
}

func (n *names) hash(key string) uint64 { return maphash.String(n.seed, key) }

func (n *names) isOwn(key string) bool {
	_, found := slices.BinarySearch(n.own, n.hash(key))
	return found
}

// call returns the next entry's name in the archive.
func (n *names) call(name string) string {
	if n == nil {
		return name
	}
	safe := n.rule(name)
	key := n.key(safe)
	switch {
	case safe == name && !n.twice[n.hash(key)]:
		return name
	case n.given[key], safe != name && n.isOwn(key):
	default:
		n.given[key] = true
		return safe
	}
	for i := max(n.last[key], 1) + 1; ; i++ {
		other := numbered.Name(safe, i)
		if k := n.key(other); !n.given[k] && !n.isOwn(k) {
			n.given[k], n.last[key] = true, i
			return other
		}
	}
}
