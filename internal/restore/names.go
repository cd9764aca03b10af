package restore

import (
	"runtime"
	"strings"
	"unicode/utf8"
)

// onWindows says that names have the meanings of Windows.
const onWindows = runtime.GOOS == "windows"

// validName reports whether a name is one element of a path, without another
// meaning on this system.
func validName(name string) bool {
	return isElement(name) && (!onWindows || isElementOnWindows(name))
}

func isElement(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// isElementOnWindows refuses names that Windows takes for another path, a
// drive, a stream of another file or a device, and endings that Windows drops.
func isElementOnWindows(name string) bool {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>:"|?*\/`, r) }) {
		return false
	}
	if strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		return false
	}
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	return !ok || utf8.RuneCountInString(port) != 1 || !strings.Contains("0123456789¹²³", port)
}

// nameKey is equal for names that are one file on this system.
func nameKey(name string) string {
	if onWindows {
		return strings.ToLower(name)
	}
	return name
}
