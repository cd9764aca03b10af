// Package numbered gives taken names a number, in the same way for archives and
// restores. It knows nothing of files.
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
