package catalog

import "context"

// KindCount is the number of kinds, for tests that visit them all.
const KindCount = kindCount

// FolderBlocks and NameBlocks are how many blocks of directories and of names are
// kept, of all catalogs.
func FolderBlocks() int {
	n, _ := folders.Held()
	return n
}

func NameBlocks() int {
	n, _ := nameBlocks.Held()
	return n
}

// Forget empties the caches, as in a new process.
func Forget() {
	entryBlocks.Clear()
	nameBlocks.Clear()
	treeBlocks.Clear()
	scans.Clear()
	folders.Clear()
}

// SetLeft bounds the bytes that a Builder leaves.
func SetLeft(folderBytes, nameBytes int64) (restore func()) {
	f, n := leftFolderBytes, leftNameBytes
	leftFolderBytes, leftNameBytes = folderBytes, nameBytes
	return func() { leftFolderBytes, leftNameBytes = f, n }
}

// SetMaxRuns bounds the runs that one Own holds.
func SetMaxRuns(n int) (restore func()) {
	old := maxRuns
	maxRuns = n
	return func() { maxRuns = old }
}

// SetRowCacheBytes bounds the blocks that a listing keeps.
func SetRowCacheBytes(n int64) (restore func()) {
	old := rowCacheBytes
	rowCacheBytes = n
	return func() { rowCacheBytes = old }
}

// Box returns the catalog's container.
func (c *Catalog) Box() Container { return c.box }

// Frame seals a payload as the catalog does.
func Frame(kind Kind, no uint64, payload []byte) []byte { return frame(kind, no, payload) }

// ReadEntriesInParts is ReadEntries without the cache.
func (v *View) ReadEntriesInParts(ctx context.Context, refs []EntryRef, detail Detail) ([]Held, error) {
	return v.readEntries(ctx, refs, detail, 0)
}

// ReadFewInParts is ReadFew without the cache.
func (v *View) ReadFewInParts(ctx context.Context, refs []EntryRef) ([]Held, error) {
	return v.readFew(ctx, refs, 0)
}
