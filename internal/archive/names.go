package archive

import (
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// validName reports whether a name is one element of a path.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// asItIs is the rule for names in tar archives.
func asItIs(name string) string { return name }

// portable makes a name that every system can have as a file's, and that leads
// nowhere on any of them. It is the rule for names in zip archives, of which
// nobody knows where they are opened.
func portable(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "%%%02X", name[i])
		case r < ' ' || r == 0x7f || strings.ContainsRune(`<>:"\|?*`, r):
			b.WriteByte('_')
		default:
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	safe := b.String()
	if trimmed := strings.TrimRight(safe, ". "); trimmed != safe {
		// Windows forgets them, so that "a." would be "a".
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

// numbered puts a number into a name, before its extension.
func numbered(name string, n int) string {
	ext := path.Ext(name)
	if ext == name {
		ext = ""
	}
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
}

// names calls the entries of one folder, in their order, so that no two have
// one name. An entry keeps its own name where the rule allows it and it is the
// first to have it. The nil names change nothing.
type names struct {
	rule  func(string) string
	seed  maphash.Seed
	own   []uint64        // sorted hashes of the names that need no change
	twice map[uint64]bool // those of own that are there several times
	given map[string]bool // names given that are not in own, and those of twice
	last  map[string]int  // numbers used
}

// newNames looks at all names of a folder, which each runs through.
func newNames(rule func(string) string, each func(func(name string)) error) (*names, error) {
	plain, first, before := true, true, ""
	err := each(func(name string) {
		if !first && name <= before || rule(name) != name {
			plain = false
		}
		first, before = false, name
	})
	if plain || err != nil {
		return nil, err
	}
	n := &names{
		rule: rule, seed: maphash.MakeSeed(),
		twice: make(map[uint64]bool), given: make(map[string]bool), last: make(map[string]int),
	}
	err = each(func(name string) {
		if rule(name) == name {
			n.own = append(n.own, n.hash(name))
		}
	})
	slices.Sort(n.own)
	for i := 1; i < len(n.own); i++ {
		if n.own[i] == n.own[i-1] {
			n.twice[n.own[i]] = true
		}
	}
	return n, err
}

func (n *names) hash(name string) uint64 { return maphash.String(n.seed, name) }

func (n *names) isOwn(name string) bool {
	_, found := slices.BinarySearch(n.own, n.hash(name))
	return found
}

// call returns the next entry's name in the archive.
func (n *names) call(name string) string {
	if n == nil {
		return name
	}
	safe := n.rule(name)
	switch {
	case safe == name && !n.twice[n.hash(name)]:
		return name
	case n.given[safe], safe != name && n.isOwn(safe):
	default:
		n.given[safe] = true
		return safe
	}
	for i := max(n.last[safe], 1) + 1; ; i++ {
		other := numbered(safe, i)
		if !n.given[other] && !n.isOwn(other) {
			n.given[other], n.last[safe] = true, i
			return other
		}
	}
}
