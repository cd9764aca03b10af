package place

import (
	"path/filepath"
	"strings"

	"syncline.dev/syncline"
)

// maxLength bounds an address, in bytes. A bucket's name and a key have 1,100
// at most, and a path on Linux 4,096.
const maxLength = 8 << 10

// Parse reads an address in restic's form. Its errors are CodeInvalid. They
// repeat nothing of an address that could be a secret, because some forms of
// addresses contain passwords.
func (k Kinds) Parse(text string) (Place, error) {
	p, _, err := k.parse(text)
	return p, err
}

func (k Kinds) parse(text string) (Place, *Kind, error) {
	switch {
	case text == "":
		return Place{}, nil, invalid("the repository's address is empty")
	case len(text) > maxLength:
		return Place{}, nil, invalid("the repository's address is longer than %d bytes", maxLength)
	case strings.IndexByte(text, 0) >= 0:
		return Place{}, nil, invalid("the repository's address has a NUL character in it")
	}
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		return Place{Path: text}, k[0], nil
	}
	if kind := k.scheme(scheme); kind != nil {
		p, err := kind.Parse(rest)
		return p, kind, err
	}
	if isPath(text) {
		return Place{Path: text}, k[0], nil
	}
	return Place{}, nil, invalid("%q is no kind of storage that is known; what works is %s, and a local folder with a colon in its name needs local: in front",
		clip(scheme+":"), k.Forms())
}

// isPath tells a path with a colon from a scheme.
func isPath(s string) bool {
	for _, start := range []string{"/", `\`, "../", `..\`} {
		if strings.HasPrefix(s, start) {
			return true
		}
	}
	drive := len(s) >= 3 && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') && s[1] == ':'
	return drive && (s[2] == '\\' || s[2] == '/')
}

// Address returns the address of a place in restic's form. It is the same for
// the same place, and Parse reads it again.
func (k Kinds) Address(p Place) string {
	kind, err := k.of(p)
	if err != nil {
		return ""
	}
	return kind.Scheme + ":" + kind.Print(p)
}

// Named is a place that the user of a command has named.
type Named struct {
	Place
	Name string // for people; it holds no secret
	// Key is the same for the same place: the name, and the variables that tell
	// two places of this name apart.
	Key string
}

// Name reads the address and the options that the user of a command gives.
func (k Kinds) Name(text string, options []string, u User) (Named, error) {
	p, kind, err := k.parse(text)
	if err != nil {
		return Named{}, err
	}
	if p.Path != "" {
		if p.Path, err = filepath.Abs(p.Path); err != nil {
			return Named{}, syncline.WrapError(syncline.CodeInvalid, err, "the repository's path cannot be completed; name it from the root of the file system")
		}
	}
	if err := u.setOptions(k, kind, options); err != nil {
		return Named{}, err
	}
	p.Access.User = &u
	n := Named{Place: p, Name: k.Address(p)}
	n.Key = n.Name
	if kind.Key != nil {
		n.Key += kind.Key(&u)
	}
	return n, nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func invalid(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}
