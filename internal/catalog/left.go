package catalog

// left collects the directories and names that a Builder leaves in the caches
// once they are committed. The first pages after a session then need not read
// them again.
type left struct {
	folders map[uint64]*folderBlock // of the next commit, by block
	names   map[uint64]*nameBlock

	folderBytes, nameBytes int64 // of all commits of the Builder
}

// These bound the directories and the names that a Builder leaves, in bytes: about two
// million of each. The caches hold more than that. Tests set other bounds.
var (
	leftFolderBytes int64 = 48 << 20
	leftNameBytes   int64 = 48 << 20
)

// fullOfFolders reports whether no further directories are left, and fullOfNames whether no
// further names are. Nobody makes blocks of them then.
func (l *left) fullOfFolders() bool { return l.folderBytes > leftFolderBytes }
func (l *left) fullOfNames() bool   { return l.nameBytes > leftNameBytes }

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

// put moves everything into the caches, as blocks of the catalog with that id.
func (l *left) put(catalog, generation uint64) {
	for no, b := range l.folders {
		folders.Put(blockKey{catalog, generation, no}, b)
	}
	for no, b := range l.names {
		nameBlocks.Put(blockKey{catalog, generation, no}, b)
	}
}
