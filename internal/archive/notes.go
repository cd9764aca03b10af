package archive

import (
	"fmt"
	"strings"
)

// notes are what the archive has not as the snapshot has it. They are told, or
// become a file in the archive.
type notes struct {
	told  func(path, what string)
	text  strings.Builder
	more  int
	taken map[string]bool // folded names at the archive's root that begin like the file's
}

const (
	notesName  = "syncline-notes.txt"
	notesStem  = "syncline-notes"
	maxNotes   = 1 << 20
	leftOut    = "left out: "
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

// avoid returns fn, which is called with the names at the archive's root, and
// keeps the file with the notes from having one of them.
func (n *notes) avoid(fn func(string)) func(string) {
	return func(name string) {
		if len(name) >= len(notesStem) && strings.EqualFold(name[:len(notesStem)], notesStem) {
			if n.taken == nil {
				n.taken = make(map[string]bool)
			}
			n.taken[strings.ToLower(name)] = true
		}
		fn(name)
	}
}

// file returns the notes as a file; "" for both when there are none.
func (n *notes) file() (name, text string) {
	if n.text.Len() == 0 {
		return "", ""
	}
	if n.more > 0 {
		fmt.Fprintf(&n.text, "\nand %d more\n", n.more)
	}
	name = notesName
	for i := 2; n.taken[name]; i++ {
		name = numbered(notesName, i)
	}
	return name, notesTitle + n.text.String()
}
