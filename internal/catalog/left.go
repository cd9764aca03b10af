package catalog

// left is what a Builder leaves to the caches, once it is committed: directories and
// names. So the pages that are asked for right after a session need not wait until
// all that is read anew.
type left struct {
	folders map[uint64]*folderBlock // until the next commit
	names   map[uint64]*nameBlock

	folderBytes, nameBytes int64 // of all commits
}

// A Builder leaves directories and names until they take so many bytes, some of what
// may be kept of all catalogs. It is two million directories, and two million of the
// ordinary names. They are variables for tests.
var (
	leftFolderBytes int64 = 48 << 20
	leftNameBytes   int64 = 48 << 20
)

func (l *left) addFolders(no uint64, b *folderBlock) {
	if l.folderBytes += b.size(); l.folderBytes > leftFolderBytes {
		return
	}
	if l.folders == nil {
		l.folders = make(map[uint64]*folderBlock)
	}
	l.folders[no] = b
}

func (l *left) addNames(no uint64, names []string) {
	size := 0
	for _, name := range names {
		size += len(name)
	}
	b := &nameBlock{text: make([]byte, 0, size), ends: make([]uint32, len(names))}
	for i, name := range names {
		b.text = append(b.text, name...)
		b.ends[i] = uint32(len(b.text))
	}
	if l.nameBytes += b.size(); l.nameBytes > leftNameBytes {
		return
	}
	if l.names == nil {
		l.names = make(map[uint64]*nameBlock)
	}
	l.names[no] = b
}

// put adds everything to the caches, as blocks of the catalog with that id.
func (l *left) put(catalog, generation uint64) {
	for no, b := range l.folders {
		folders.add(blockKey{catalog, generation, no}, b)
	}
	for no, b := range l.names {
		nameBlocks.add(blockKey{catalog, generation, no}, b)
	}
}
