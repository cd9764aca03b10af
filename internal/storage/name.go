package storage

import (
	"strings"

	"syncline.dev/syncline"
)

// maxName bounds a file's name in bytes. No storage has longer keys.
const maxName = 1024

// CheckName accepts the name of a file: relative, with slashes, without empty
// elements, "." or "..", and without NUL. Any other name is CodeInvalid. Back
// ends call it before they use a name in a file system or a URL.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
		return badName(name)
	}
	for rest, more := name, true; more; {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		if element == "" || element == "." || element == ".." {
			return badName(name)
		}
	}
	return nil
}

// CheckDir accepts the names that CheckName accepts, and "" for the
// repository's root.
func CheckDir(dir string) error {
	if dir == "" {
		return nil
	}
	return CheckName(dir)
}

func badName(name string) error {
	if len(name) > 100 {
		name = name[:100] + "…"
	}
	return syncline.Errorf(syncline.CodeInvalid, "%q is no name of a file in a repository", name)
}

// CheckOffset refuses a negative offset with CodeInvalid.
func CheckOffset(offset int64) error {
	if offset < 0 {
		return syncline.Errorf(syncline.CodeInvalid, "a file cannot be read from offset %d", offset)
	}
	return nil
}

// CleanPrefix returns the form of a folder that is put before names: "", or a
// text with a slash at its end and none at its start.
func CleanPrefix(prefix string) (string, error) {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return "", nil
	}
	if err := CheckName(prefix); err != nil {
		return "", syncline.WrapError(syncline.CodeInvalid, err, "the folder in the bucket has no valid name")
	}
	return prefix + "/", nil
}
