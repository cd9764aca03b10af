package archive

import (
	"io/fs"
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// A downloaded archive may be unpacked by root, although a client of the
// repository chose its content. So an archive that is not exact has nothing
// that lends rights: no bits that let a program run as its owner, no attributes
// that do so, and no devices.

// systemPrefixes are the prefixes of attributes that only the system or root
// may set.
const systemPrefixes = "security.*, trusted.*"

const ownersBits = fs.ModeSetuid | fs.ModeSetgid

// opensDevice reports whether an entry opens hardware.
func opensDevice(e *syncline.Entry) bool {
	return e.Type == syncline.TypeDevice || e.Type == syncline.TypeCharDev
}

// aDevice is the reason for leaving out a device.
const aDevice = "it is a device; an exact archive has it"

// harmless returns the entry without everything that lends rights, and notes
// it.
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
