package archive

import (
	"io/fs"
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// What a person downloads is unpacked by somebody, perhaps as root, while a
// client of the repository chose what is in it. So an archive that is not exact
// lacks what gives rights away: the bits that let a program run as its owner,
// the attributes that do so too, and devices.

// systemPrefixes are those of attributes that only the system or root may set.
const systemPrefixes = "security.*, trusted.*"

const ownersBits = fs.ModeSetuid | fs.ModeSetgid

// opensDevice reports whether an entry opens hardware.
func opensDevice(e *syncline.Entry) bool {
	return e.Type == syncline.TypeDevice || e.Type == syncline.TypeCharDev
}

// aDevice is why devices are left out.
const aDevice = "it is a device; an exact archive has it"

// harmless returns the entry without what gives rights away, and tells of it.
func (w *walk) harmless(e *syncline.Entry, s *step, tell func(string, ...any)) *syncline.Entry {
	bits, attributes := e.Mode&ownersBits != 0, w.rules.attributes && slices.ContainsFunc(e.ExtendedAttributes, isSystems)
	if !bits && !attributes {
		return e
	}
	plain := *e
	if bits {
		tell("lacks its %s", bitNames(e.Mode))
		plain.Mode &^= ownersBits
	}
	if attributes {
		w.notes.tellBare(string(w.path[:s.path]) + "/" + e.Name)
		plain.ExtendedAttributes = slices.DeleteFunc(slices.Clone(e.ExtendedAttributes), isSystems)
	}
	return &plain
}

func isSystems(x syncline.ExtendedAttribute) bool {
	return strings.HasPrefix(x.Name, "security.") || strings.HasPrefix(x.Name, "trusted.")
}

func bitNames(m fs.FileMode) string {
	switch {
	case m&ownersBits == ownersBits:
		return "set-user-ID and set-group-ID bits"
	case m&fs.ModeSetuid != 0:
		return "set-user-ID bit"
	}
	return "set-group-ID bit"
}
