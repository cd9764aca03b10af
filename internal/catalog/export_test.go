package catalog

// KindCount is the number of kinds, for tests that visit them all.
const KindCount = kindCount

// ForgetFolders has LookupTree read directories from the catalog again. FolderBlocks
// is how many blocks of them are kept.
func ForgetFolders()    { folders.lru.Purge() }
func FolderBlocks() int { return folders.lru.Len() }

// NameBlocks is how many blocks of names are kept.
func (c *Catalog) NameBlocks() int { return c.nameCache.lru.Len() }

// SetLeft bounds the bytes that a Builder leaves.
func SetLeft(folderBytes, nameBytes int64) (restore func()) {
	f, n := leftFolderBytes, leftNameBytes
	leftFolderBytes, leftNameBytes = folderBytes, nameBytes
	return func() { leftFolderBytes, leftNameBytes = f, n }
}

// Frame seals a payload as the catalog does.
func Frame(kind Kind, no uint64, payload []byte) []byte { return frame(kind, no, payload) }
