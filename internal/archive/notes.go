package archive

import (
	"fmt"
	"strings"

	"syncline.dev/syncline/internal/numbered"
)

// notes are the differences between the archive and the snapshot. They are
// told, or become a file in the archive.
type notes struct {
	told  func(path, what string)
	text  strings.Builder
	more  int
	key   func(string) string
	taken map[string]bool // keys of names at the archive's root that begin like the file's

	bare      int    // number of entries without their attributes
	firstBare string // path of one of these
}

const (
	notesName  = "syncline-notes.txt"
	notesStem  = "syncline-notes"
	maxNotes   = 1 << 20
	leftOut    = "left out: "
	renamed    = "has another name in the archive: "
	notesTitle = "These entries of the snapshot are not in this archive, or not as they are in the snapshot:\n\n"
)

// tell adds a note about the entry at a path of the snapshot.
func (n *notes) tell(path, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	switch {
	case n.told != nil:
		n.told(path, what)
	case n.text.Len() > maxNotes:
		n.more++
	default:
		fmt.Fprintf(&n.text, "%q %s\n", path, what)
	}
}

// tellBare counts an entry without its attributes. One line tells of all of
// them, because some systems have attributes on every file.
func (n *notes) tellBare(path string) {
	if n.bare++; n.bare == 1 {
		n.firstBare = path
	}
}

// avoid keeps a name at the archive's root from becoming the name of the file
// with the notes.
func (n *notes) avoid(name string) {
	if key := n.key(name); strings.HasPrefix(key, notesStem) {
		if n.taken == nil {
			n.taken = make(map[string]bool)
		}
		n.taken[key] = true
	}
}

// file returns the notes as a file, or "" twice without notes.
func (n *notes) file() (name, text string) {
	if n.text.Len() == 0 && n.bare == 0 {
		return "", ""
	}
	if n.more > 0 {
		fmt.Fprintf(&n.text, "\nand %d more\n", n.more)
	}
	switch {
	case n.bare == 1:
		fmt.Fprintf(&n.text, "%q lacks its extended attributes of the system: %s\n", n.firstBare, systemPrefixes)
	case n.bare > 1:
		fmt.Fprintf(&n.text, "%d entries, %q among them, lack their extended attributes of the system: %s\n", n.bare, n.firstBare, systemPrefixes)
	}
	name = notesName
	for i := 2; n.taken[n.key(name)]; i++ {
		name = numbered.Name(notesName, i)
	}
	return name, notesTitle + n.text.String()
}
