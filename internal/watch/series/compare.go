package series

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"path"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/watch/unusual"
)

// Comparer compares two restore points of one repository. Its contract is that of
// explore.RestorePoints.
type Comparer interface {
	EachDifference(ctx context.Context, before *syncline.RestorePoint, after syncline.RestorePoint, most int64, visit func(*explore.Pair) error) error
}

const (
	// maxCompared bounds the entries that one comparison looks at.
	maxCompared = 2_000_000
	// maxContents bounds the contents by which renamed files are found. With more, fewer
	// of them are.
	maxContents = 200_000
	// maxKinds bounds the endings that are known of a series. With more, no ending is new.
	maxKinds = 1000
	// maxFolders bounds the folders that are told apart, and folderDepth how deep they
	// are below what is backed up.
	maxFolders, folderDepth = 10_000, 2
)

// comparison is what a backup differs in from the one before it.
type comparison struct {
	unusual.Measure
	removed, added map[[16]byte]int // files by their contents
	known          map[string]bool  // endings of the series
	seen           map[string]bool  // endings of the new files
	fresh          map[string]int   // endings that are new, with their files
	folders        map[string]int   // files that changed, went or came, by folder
	roots          []string         // that are backed up
}

func newComparison(roots []string, known map[string]bool, files, bytes uint64) *comparison {
	c := &comparison{
		roots:   roots,
		removed: make(map[[16]byte]int), added: make(map[[16]byte]int), known: known,
		seen: make(map[string]bool), fresh: make(map[string]int), folders: make(map[string]int),
	}
	c.FilesBefore, c.BytesBefore = files, bytes
	c.Files, c.Bytes = files, bytes
	return c
}

// visit counts one pair of entries.
func (c *comparison) visit(p *explore.Pair) error {
	before, after := file(p.Before), file(p.After)
	switch {
	case before == nil && after == nil:
		return nil
	case before != nil && after != nil:
		if slices.Equal(before.Content, after.Content) {
			return nil
		}
		c.Changed++
		c.Bytes = less(c.Bytes, before.Size) + after.Size
	case after != nil:
		c.Added++
		c.Files, c.Bytes = c.Files+1, c.Bytes+after.Size
		c.kind(after.Name)
		remember(c.added, after)
	default:
		c.Removed++
		c.Files, c.Bytes = less(c.Files, 1), less(c.Bytes, before.Size)
		remember(c.removed, before)
	}
	if len(c.folders) < maxFolders {
		c.folders[folderOf(c.roots, p.Path())]++
	}
	return nil
}

// file returns an entry if it is a file.
func file(e *syncline.Entry) *syncline.Entry {
	if e == nil || e.Type != syncline.TypeFile {
		return nil
	}
	return e
}

func less(a, b uint64) uint64 { return a - min(a, b) }

// remember counts the content of a file that has one.
func remember(contents map[[16]byte]int, e *syncline.Entry) {
	if len(e.Content) == 0 {
		return
	}
	h := sha256.New()
	for i := range e.Content {
		h.Write(e.Content[i][:])
	}
	key := [16]byte(h.Sum(nil)[:16])
	if _, ok := contents[key]; ok || len(contents) < maxContents {
		contents[key]++
	}
}

// kind counts a new file by the ending of its name.
func (c *comparison) kind(name string) {
	kind := explore.KindOf(name)
	if kind == "" {
		return
	}
	if len(c.seen) < maxKinds {
		c.seen[kind] = true
	}
	if c.known == nil || c.known[kind] || len(c.known) >= maxKinds {
		return
	}
	c.NewKinds++
	if _, ok := c.fresh[kind]; ok || len(c.fresh) < maxKinds {
		c.fresh[kind]++
	}
}

// done finds the renamed files.
func (c *comparison) done() {
	for key, n := range c.removed {
		c.Renamed += uint64(min(n, c.added[key])) //nolint:gosec // a count
	}
}

// folderOf returns the folder of a path, or one above it that is not deeper than
// folderDepth below one of the roots.
func folderOf(roots []string, p string) string {
	dir, depth, begin := path.Dir(p), 0, 1
	for _, root := range roots {
		root = strings.TrimSuffix(root, "/")
		if strings.HasPrefix(dir, root+"/") {
			begin = max(begin, len(root)+1)
		}
	}
	for i := begin; i < len(dir); i++ {
		if dir[i] != '/' {
			continue
		}
		if depth++; depth == folderDepth {
			return dir[:i]
		}
	}
	return dir
}

// most returns the keys with the highest counts.
func most(counts map[string]int, n int) []string {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	return keys[:min(n, len(keys))]
}
