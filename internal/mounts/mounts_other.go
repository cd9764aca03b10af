//go:build !linux

package mounts

import "path/filepath"

// of takes the volume of a path for a remote file system, because other systems do not
// tell what is mounted there without a call into it.
func of(path string) (m Mount, ok bool) {
	if !filepath.IsAbs(path) {
		return Mount{}, false
	}
	point := filepath.Clean(path)
	return Mount{ID: point, Point: point, Type: "unknown"}, true
}
