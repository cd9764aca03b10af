package treemodel

// Lean is a folder tree that holds its folders only. It makes the files of a folder
// when somebody asks, each time the same. It has no history.
type Lean struct {
	Dirs []Dir // without files

	seed  uint64
	files int
}

// NewLean returns a tree of the given number of files, about forty to a folder. It is
// another tree than that of New.
func NewLean(seed uint64, files int) *Lean {
	t := &Tree{namer: newNamer(seed, 0)}
	t.growDirs(max(1, files/filesPerDir))
	return &Lean{Dirs: t.Dirs, seed: seed, files: files}
}

// Files appends the files of a folder to files, whose memory it uses again. Several
// goroutines may call it.
func (l *Lean) Files(dir int, files []File) []File {
	names := newNamer(l.seed, uint64(dir)+1)
	for serial := l.first(dir); serial < l.first(dir+1); serial++ {
		files = append(files, File{Name: names.freeAmong(files, l.Dirs[dir].Dirs, l.Dirs), Serial: uint32(serial)})
	}
	return files
}

// first returns the number of files in the folders before dir. The first folders have
// about four times as many files as the last ones.
func (l *Lean) first(dir int) int {
	at := float64(dir) / float64(len(l.Dirs))
	return int(float64(l.files) * (8*at - 3*at*at) / 5)
}
