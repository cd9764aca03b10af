// Package numbered gives names that are taken already a number, the same way in
// archives and in restores. It knows of no files.
package numbered

import (
	"fmt"
	"path"
	"strings"
)

// Name puts a number into a name, before its extension.
func Name(name string, n int) string {
	ext := path.Ext(name)
	if ext == name {
		ext = ""
	}
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
}
