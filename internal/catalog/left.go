package catalog

// left is what a Builder leaves to the caches, once it is committed: the
// directories, and the first names. So the pages that are asked for right after
// a session need not wait until all that is read anew. Names that are in many
// folders come early, so a part of the names is most of what such pages share.
type left struct {
	folders   map[uint64]*folderBlock
	names     map[uint64]*nameBlock
	nameBytes int64
}

// leftNameBytes is what the cache of names is filled up to with what is left:
// some half a million names.
const leftNameBytes = 16 << 20

func (l *left) addFolders(no uint64, b *folderBlock) {
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
	if l.names == nil {
		l.names = make(map[uint64]*nameBlock)
	}
	if before := l.names[no]; before != nil {
		l.nameBytes -= before.size()
	}
	l.names[no] = b
	l.nameBytes += b.size()
}

// put adds everything to the caches of a catalog.
func (l *left) put(c *Catalog, generation uint64) {
	for no, b := range l.folders {
		folders.add(blockKey{generation, no}, b)
	}
	for no, b := range l.names {
		c.nameCache.add(blockKey{generation, no}, b)
	}
}
