// Package kinds has the kinds of storage of repositories. Each has a file with
// the form of its addresses, its options and variables, and how a command and a
// server open it. The packages below internal/storage make the requests.
package kinds

import (
	"path"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// All returns every kind. A new one needs a line here.
func All() place.Kinds {
	return place.Kinds{
		&folderKind,
		&s3Kind,
		&azureKind,
		&gcsKind,
		&restKind,
		&rcloneKind,
		&sftpKind,
		&b2Kind,
		&swiftKind,
	}
}

// parseContainer reads "NAME:/FOLDER", which follows a scheme.
func parseContainer(kind syncline.StorageKind, scheme, what, rest string) (place.Place, error) {
	name, folder, found := strings.Cut(rest, ":")
	switch {
	case !found:
		return place.Place{}, invalid("the repository's address must have a colon after the %s, like %s:%s:/FOLDER", what, scheme, strings.ToUpper(what))
	case name == "" || strings.Contains(name, "/"):
		return place.Place{}, invalid("the repository's address names no %s; it must be like %s:%s:/FOLDER", what, scheme, strings.ToUpper(what))
	}
	folder, err := cleanFolder(strings.TrimPrefix(path.Clean(folder), "/"))
	return place.Place{Storage: syncline.ObjectStorage{Kind: kind, Bucket: name, Folder: folder}}, err
}

// printContainer writes what parseContainer reads.
func printContainer(p place.Place) string { return p.Storage.Bucket + ":/" + p.Storage.Folder }

func cleanFolder(folder string) (string, error) {
	if folder == "" {
		return "", nil
	}
	folder = path.Clean(folder)
	switch {
	case folder == ".":
		return "", nil
	case folder == ".." || strings.HasPrefix(folder, "../"):
		return "", invalid("the folder in the repository's address leads out of the bucket with ..")
	case strings.IndexByte(folder, 0) >= 0: // percent-encoded
		return "", invalid("the folder in the repository's address has a NUL character in it")
	}
	return folder, nil
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
