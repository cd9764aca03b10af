package explore

import (
	"container/heap"
	"context"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// FolderSizesQuery asks for the sizes of a folder and of the entries below it.
type FolderSizesQuery struct {
	Path  string // absolute, of the folder
	Depth int    // levels below the folder, at least one
	Limit int    // listed children of each folder
}

// FolderSize is an entry with the sizes of everything in it. Each name of a
// hard link counts.
type FolderSize struct {
	Path, Name string
	Type       syncline.EntryType
	EntryCounts
	Size     uint64
	Listed   bool // Children and Rest have its content
	Children []FolderSize
	Rest     FolderRest
}

// FolderRest is the entries of a folder that are not listed.
type FolderRest struct {
	Count int
	EntryCounts
	Size uint64
}

// Bounds of one answer. Paths make it large.
const (
	maxListed      = 5_000
	maxListedBytes = 4 << 20
)

// folderSizes collects the sizes of a folder.
type folderSizes struct {
	tick  ticker
	m     *measured
	v     *catalog.View
	q     FolderSizesQuery
	open  openFolders
	count int // listed entries
	bytes int // of their paths
}

// openFolder is a folder of the answer that is not listed yet.
type openFolder struct {
	to    *FolderSize
	tree  uint32
	depth int
}

// openFolders is a heap, the largest first.
type openFolders []openFolder

func (o openFolders) Len() int           { return len(o) }
func (o openFolders) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o openFolders) Less(i, j int) bool { return o[i].to.Size > o[j].to.Size }
func (o *openFolders) Push(x any)        { *o = append(*o, x.(openFolder)) }
func (o *openFolders) Pop() any {
	old := *o
	last := old[len(old)-1]
	*o = old[:len(old)-1]
	return last
}

// folderSizes returns the sizes of the folder at a clean path. tree is its
// tree.
func (m *measured) folderSizes(ctx context.Context, v *catalog.View, tree uint32, q FolderSizesQuery) (FolderSize, error) {
	f := folderSizes{tick: ticker{ctx: ctx}, m: m, v: v, q: q}
	root := FolderSize{Path: q.Path, Name: "/", Type: syncline.TypeDir}
	if q.Path != "/" {
		root.Name = q.Path[strings.LastIndexByte(q.Path, '/')+1:]
	}
	f.fill(&root, tree)
	f.open = openFolders{{&root, tree, 0}}
	for len(f.open) > 0 {
		next := heap.Pop(&f.open).(openFolder)
		if next.depth > 0 && (f.count+q.Limit > maxListed || f.bytes > maxListedBytes) {
			break
		}
		if err := f.list(next); err != nil {
			return root, err
		}
	}
	return root, nil
}

func (f *folderSizes) fill(to *FolderSize, tree uint32) {
	t := &f.m.totals[tree]
	to.EntryCounts, to.Size = t.EntryCounts, t.size()
}

// list fills in the largest entries of a folder.
func (f *folderSizes) list(o openFolder) error {
	to := o.to
	to.Listed = true
	best := top{n: f.q.Limit, drop: func(no uint32) { f.rest(&to.Rest, no) }}
	for r := range f.m.Ranges(o.tree) {
		if err := f.tick.spend(int(r.Count)); err != nil {
			return err
		}
		for no := r.First; no < r.First+r.Count; no++ {
			size := f.m.Size(no)
			if sub, ok := f.m.Subtree(no); ok {
				size = sum(size, f.m.totals[sub].size())
			}
			best.add(size, no)
		}
	}
	list := best.cut()
	to.Children = make([]FolderSize, len(list))
	for i, r := range list {
		child := &to.Children[i]
		if err := f.child(child, to.Path, r); err != nil {
			return err
		}
		f.count, f.bytes = f.count+1, f.bytes+len(child.Path)
		if sub, ok := f.m.Subtree(r.entry); ok && o.depth+1 < f.q.Depth {
			heap.Push(&f.open, openFolder{child, sub, o.depth + 1})
		}
	}
	return nil
}

func (f *folderSizes) child(to *FolderSize, folder string, r ranked) (err error) {
	if to.Name, err = f.m.Name(f.v, r.entry); err != nil {
		return err
	}
	to.Path = strings.TrimSuffix(folder, "/") + "/" + to.Name
	switch f.m.Class(r.entry) {
	case catalog.ClassFile:
		to.Type, to.Files = syncline.TypeFile, 1
	case catalog.ClassFolder:
		to.Type = syncline.TypeDir
	case catalog.ClassLink:
		to.Type, to.Links = syncline.TypeSymlink, 1
	default:
		e, _, _, err := f.v.RefEntry(f.m.Ref(r.entry), 0)
		if err != nil {
			return err
		}
		to.Type, to.Others = e.Type, 1
	}
	if sub, ok := f.m.Subtree(r.entry); ok {
		f.fill(to, sub)
	}
	to.Size = r.by
	return nil
}

// rest adds an entry that is not listed, with everything below it.
func (f *folderSizes) rest(to *FolderRest, no uint32) {
	to.Count++
	countClass(&to.EntryCounts, f.m.Class(no))
	to.Size = sum(to.Size, f.m.Size(no))
	if sub, ok := f.m.Subtree(no); ok {
		t := &f.m.totals[sub]
		addCounts(&to.EntryCounts, &t.EntryCounts)
		to.Size = sum(to.Size, t.size())
	}
}
