package main

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// latestFilter is the filter for "latest", for which restic completes paths.
func (f *filterFlags) latestFilter() (explore.SnapshotFilter, error) {
	out := f.filter()
	out.Paths = make([]string, len(f.paths))
	for i, p := range f.paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return out, syncline.WrapError(syncline.CodeInvalid, err, "the path %q cannot be completed; name it from the root of the file system", p)
		}
		out.Paths[i] = abs
	}
	return out, nil
}

// one finds the snapshot that a reference names, and the folder in it as
// View.Find takes it, "" for the root.
func (f *filterFlags) one(list explore.SnapshotList, reference string) (s catalog.Snapshot, folder string, err error) {
	filter, err := f.latestFilter()
	if err != nil {
		return s, "", err
	}
	s, folder, err = filter.One(list, reference)
	return s, cleanFolder(folder), err
}

// cleanFolder reads the folder of "id:folder" as restic does.
func cleanFolder(folder string) string {
	if folder = strings.TrimPrefix(path.Clean(folder), "/"); folder == "." || folder == "" {
		return ""
	}
	return "/" + folder
}

// filePath reads a path as restic's dump does. Several slashes count as one. A
// path that leads above the root is the root.
func filePath(p string) string {
	p = path.Clean(p)
	if strings.HasPrefix(p, "../") {
		return "/"
	}
	return "/" + strings.TrimPrefix(p, "/")
}

// choose returns the snapshots that references name, each once, oldest first.
// Without references it returns the snapshots that the filter chooses. As in
// restic, a reference that names nothing is ignored with a message, and so is a
// filter that no reference uses.
func (f *filterFlags) choose(complain func(format string, args ...any), list explore.SnapshotList, references []string) ([]catalog.Snapshot, error) {
	if len(references) == 0 {
		return f.filter().Select(list, nil)
	}
	filter, err := f.latestFilter()
	if err != nil {
		return nil, err
	}
	chosen := make(map[syncline.Hash]bool)
	filterUsed := false
	for _, reference := range references {
		s, err := named(filter, list, reference)
		filterUsed = filterUsed || reference == latestID
		switch {
		case err == nil:
			chosen[s.ID] = true
		case passedOver(err):
			complain("ignoring %q: %s", clipText(reference), messageOf(err))
		default:
			return nil, err
		}
	}
	if !filterUsed && !filter.Empty() {
		complain("the filters are ignored: explicit snapshot ids are given")
	}
	var out []catalog.Snapshot
	for i := range list.Shown {
		if chosen[list.Shown[i].ID] {
			out = append(out, list.Shown[i])
		}
	}
	return out, nil
}

// latestID is the name that stands for the newest snapshot.
const latestID = "latest"

var errFolderHere = syncline.Errorf(syncline.CodeInvalid, "a folder behind a snapshot's id is not allowed here")

// named finds the snapshot that a reference without a folder names.
func named(filter explore.SnapshotFilter, list explore.SnapshotList, reference string) (catalog.Snapshot, error) {
	s, folder, err := filter.Named(list, reference)
	if folder != "" || strings.HasPrefix(reference, latestID+":") {
		return s, errFolderHere
	}
	return s, err
}

// passedOver reports whether an error is about a reference that names no
// snapshot.
func passedOver(err error) bool {
	code := syncline.CodeOf(err)
	return code == syncline.CodeNotFound || code == syncline.CodeInvalid
}

// complain prints a warning on standard error, also with --quiet.
func (e *environment) complain(format string, args ...any) {
	fmt.Fprintln(e.stderr, "syncline: "+oneLine(fmt.Sprintf(format, args...)))
}
