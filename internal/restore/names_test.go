package restore

import "testing"

func TestNamesOnWindows(t *testing.T) {
	for _, name := range []string{
		"C:", "C:file", "c:\\file", `a\b`, `\\server\share`, `..\x`, "a/b", "file:stream", "file::$DATA",
		"con", "CON", "Nul.txt", "aux.tar.gz", "prn .txt", "com1", "COM9.log", "lpt0", "LPT¹", "com³.x", "conin$", "CONOUT$",
		"ends.", "ends ", "a\x1fb", "what?", "a*", "<a>", `"a"`, "a|b", "tab\t",
	} {
		if isElementOnWindows(name) {
			t.Errorf("%q passes", name)
		}
	}
	for _, name := range []string{
		"file", "a.b", ".hidden", "..a", "console", "com", "com10", "com23", "lpt", "nul1", "comma", "auxiliary.txt", "ünïcode", " leads", "COM1x", "$",
	} {
		if !isElementOnWindows(name) {
			t.Errorf("%q does not pass", name)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "/", "/a", "a\x00b"} {
		if isElement(name) {
			t.Errorf("%q passes for an element of a path", name)
		}
	}
}
