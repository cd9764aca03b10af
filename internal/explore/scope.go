package explore

import (
	"errors"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// A snapshot names its folders and files by their absolute paths. With absolute
// arguments they lie at these paths in the snapshot. With relative ones they do
// not: "restic backup docs" in /home/mila records /home/mila/docs and stores
// /docs, and "restic backup ." stores the content of the folder at the root. So
// the same path in two snapshots can be two folders, which scope.base tells
// apart.

// scope says where one of a snapshot's folders lies in the snapshot.
type scope struct {
	base string // the directory of the backup, in front of the snapshot's paths; "" for absolute ones
	at   string // path in the snapshot; "" for the root
}

// covers reports whether a path of the snapshot lies in the scope.
func (s scope) covers(path string) bool {
	return strings.HasPrefix(path, s.at) && (len(path) == len(s.at) || path[len(s.at)] == '/')
}

// scopeOf returns the scope of a path of the snapshot. ok is false for a path
// outside of all scopes.
func (t *tracer) scopeOf(s *catalog.Snapshot, path string) (scope, bool, error) {
	path = strings.TrimRight(path, "/")
	for _, target := range s.Paths {
		if !strings.HasPrefix(target, "/") {
			return scope{}, true, nil // a Windows path has another form in the snapshot
		}
		if x := (scope{at: strings.TrimRight(target, "/")}); x.covers(path) {
			return x, true, nil
		}
	}
	all, err := t.scopesOf(s)
	if err != nil {
		return scope{}, false, err
	}
	if i := slices.IndexFunc(all, func(x scope) bool { return x.covers(path) }); i >= 0 {
		return all[i], true, nil
	}
	return scope{}, false, nil
}

// scopesOf finds the scopes of a snapshot's folders. A snapshot without a clear
// answer has the scopes of the last snapshot of the same folders.
func (t *tracer) scopesOf(s *catalog.Snapshot) ([]scope, error) {
	key := groupKey(s, Grouping{Host: true, Paths: true})
	last := t.scopes[key]
	if last.root == s.Root && last.all != nil {
		return last.all, nil
	}
	all := make([]scope, len(s.Paths))
	var unknown []int
	for i, target := range s.Paths {
		found, err := t.locate(s.Root, pathParts(target), &all[i])
		if err != nil {
			return nil, err
		}
		if !found {
			unknown = append(unknown, i)
		}
	}
	inRoot := false
	if len(unknown) > 0 && len(unknown) == len(s.Paths) {
		var err error
		if inRoot, err = t.holdsContent(s.Root, s.Paths); err != nil {
			return nil, err
		}
	}
	for _, i := range unknown {
		target := strings.TrimRight(s.Paths[i], "/")
		switch {
		case inRoot:
			all[i] = scope{base: target}
		case len(last.all) == len(all):
			all[i] = last.all[i]
		default:
			all[i] = scope{at: target}
		}
	}
	t.scopes[key] = knownScopes{s.Root, all}
	return all, nil
}

// knownScopes are the scopes of the last snapshot of some folders.
type knownScopes struct {
	root catalog.TreeRef
	all  []scope
}

// locate looks for the longest end of a recorded path that is in the tree.
func (t *tracer) locate(root catalog.TreeRef, parts []string, to *scope) (bool, error) {
	for i := range parts {
		ok, err := t.exists(root, parts[i:])
		if err != nil {
			return false, err
		}
		if ok {
			*to = scope{base: joined(parts[:i]), at: joined(parts[i:])}
			return true, nil
		}
	}
	return false, nil
}

func joined(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return "/" + strings.Join(parts, "/")
}

// exists reports whether there is an entry at a path.
func (t *tracer) exists(root catalog.TreeRef, parts []string) (bool, error) {
	for _, name := range parts[:len(parts)-1] {
		sub, ok, err := t.v.LookupTree(root, name)
		if err != nil || !ok {
			return false, err
		}
		root = sub
	}
	_, _, _, found, err := t.v.Lookup(root, parts[len(parts)-1], 0)
	return found, err
}

// holdsContent reports whether a root has the content of the snapshot's one
// folder in place of the folder. It does if it has entries, and none of them
// begins a recorded path.
func (t *tracer) holdsContent(root catalog.TreeRef, targets []string) (bool, error) {
	for _, target := range targets {
		parts := pathParts(target)
		if len(parts) == 0 {
			return false, nil
		}
		if ok, err := t.exists(root, parts[:1]); ok || err != nil {
			return false, err
		}
	}
	err := t.v.ReadDir(root, 0, func(*syncline.Entry, catalog.TreeRef, bool) error { return errEnough })
	if errors.Is(err, errEnough) {
		return true, nil
	}
	return false, err
}
