// Package treemodel is the model of the benchmarks' folder tree: its folders
// and files, their names, and the changes from one snapshot to the next. The
// same seed gives the same tree and the same changes, on every machine. The
// package knows nothing of disks and repositories: gentree writes the tree to a
// disk, and genrepo straight into a repository.
package treemodel

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// filesPerDir is the mean number of files in a folder.
const filesPerDir = 40

// File is one file of a folder.
type File struct {
	Name    string
	Serial  uint32 // unique within a tree, also among deleted files
	Version uint32 // number of changes of the contents
}

// Dir is one folder. Index 0 of a tree is its root, whose parent is itself.
type Dir struct {
	Name   string
	Parent int
	Dirs   []int // indexes of its subfolders
	Files  []File
}

// Tree is a folder tree with its history so far.
type Tree struct {
	Dirs []Dir

	namer

	files  int
	serial uint32
}

// Op says what happened to a file.
type Op int

// The operations of Mutate.
const (
	Modified Op = iota
	Renamed
	Deleted
	Added
)

// Change is one step of a mutation. File is the file after the change, and
// before it for Deleted. Old is the former name of a renamed file.
type Change struct {
	Op   Op
	Dir  int
	File File
	Old  string
}

// New returns a tree of the given number of files, about forty to a folder.
func New(seed uint64, files int) *Tree {
	t := &Tree{namer: newNamer(seed, 0)}
	t.growDirs(max(1, files/filesPerDir))
	for i := range files {
		// The first round leaves few folders empty. The other files are spread
		// unevenly, as on real disks.
		dir := i % len(t.Dirs)
		if i >= len(t.Dirs) {
			dir = min(t.rng.IntN(len(t.Dirs)), t.rng.IntN(len(t.Dirs)+len(t.Dirs)/2))
		}
		t.addFile(dir)
	}
	return t
}

func newNamer(seed, part uint64) namer {
	return namer{rand.New(rand.NewPCG(seed, 0x73796e636c696e65+part))}
}

// growDirs makes n folders. Each is in a random older one that is neither too
// deep nor too full.
func (t *Tree) growDirs(n int) {
	depth := make([]int, 1, n)
	t.Dirs = append(make([]Dir, 0, n), Dir{})
	for len(t.Dirs) < n {
		parent := t.rng.IntN(len(t.Dirs))
		if depth[parent] > 9 || len(t.Dirs[parent].Dirs) > 24 {
			continue
		}
		name := t.unique(t.dirName(), func(s string) bool {
			for _, d := range t.Dirs[parent].Dirs {
				if t.Dirs[d].Name == s {
					return true
				}
			}
			return false
		})
		t.Dirs[parent].Dirs = append(t.Dirs[parent].Dirs, len(t.Dirs))
		t.Dirs = append(t.Dirs, Dir{Name: name, Parent: parent})
		depth = append(depth, depth[parent]+1)
	}
}

// Files returns the number of files.
func (t *Tree) Files() int { return t.files }

// Path returns a folder's path from the root, without a slash at either end;
// the root's is empty.
func (t *Tree) Path(dir int) string {
	if dir == 0 {
		return ""
	}
	if parent := t.Path(t.Dirs[dir].Parent); parent != "" {
		return parent + "/" + t.Dirs[dir].Name
	}
	return t.Dirs[dir].Name
}

// Mutate changes a fraction, between 0 and 1, of all files. Most get new
// contents, some a new name. Some are removed, and as many are added. It
// returns the changes in the order in which they are to be made.
func (t *Tree) Mutate(fraction float64) []Change {
	want := int(float64(t.files)*fraction + 0.5)
	changes := make([]Change, 0, want)
	for len(changes) < want && t.files > 0 {
		dir := t.rng.IntN(len(t.Dirs))
		files := t.Dirs[dir].Files
		// Folders with many files are chosen more often, as if files were
		// drawn.
		if len(files) == 0 || t.rng.IntN(8*filesPerDir) >= len(files) {
			continue
		}
		changes = append(changes, t.mutateOne(dir, t.rng.IntN(len(files))))
	}
	return changes
}

func (t *Tree) mutateOne(dir, i int) Change {
	d := &t.Dirs[dir]
	switch p := t.rng.IntN(100); {
	case p < 80:
		d.Files[i].Version++
		return Change{Op: Modified, Dir: dir, File: d.Files[i]}
	case p < 88:
		old := d.Files[i].Name
		d.Files[i].Name = t.freeName(dir)
		return Change{Op: Renamed, Dir: dir, File: d.Files[i], Old: old}
	case p < 94:
		gone := d.Files[i]
		d.Files = append(d.Files[:i], d.Files[i+1:]...)
		t.files--
		return Change{Op: Deleted, Dir: dir, File: gone}
	}
	return Change{Op: Added, Dir: dir, File: t.addFile(dir)}
}

func (t *Tree) addFile(dir int) File {
	f := File{Name: t.freeName(dir), Serial: t.serial}
	t.serial++
	t.files++
	t.Dirs[dir].Files = append(t.Dirs[dir].Files, f)
	return f
}

// ModTime is the time of the file's present contents.
func (f File) ModTime() time.Time {
	h := mix(uint64(f.Serial)<<32 | uint64(f.Version))
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	return first.Add(time.Duration(h%uint64(600*24*time.Hour)) + time.Duration(f.Version)*24*time.Hour)
}

// AppendContent appends the file's contents to b: size(f) bytes of text that no
// other file and version has.
func (f File) AppendContent(b []byte) []byte {
	h := mix(uint64(f.Serial)<<32 | uint64(f.Version))
	rng := rand.New(rand.NewPCG(h, h))
	b = binary.BigEndian.AppendUint64(b, h)
	end := len(b) + 80 + int(h%440)
	for len(b) < end {
		b = append(b, words[rng.IntN(len(words))]...)
		b = append(b, " \n"[rng.IntN(9)/8])
	}
	return b
}

// Inode returns a number that the file keeps through renames and changes.
func (f File) Inode() uint64 { return 1<<20 + uint64(f.Serial) }

// mix spreads the bits of x over the whole word (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
