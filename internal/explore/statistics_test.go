package explore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// testBlobs is the number of data blobs. The last one is in no index.
const testBlobs = 12

func testBlob(n int) syncline.Hash { return syncline.Hash{byte(n + 1), 99, byte(n + 1)} }

func blobSizeOf(n int) (plain, stored uint32) { return uint32(100 + 10*n), uint32(60 + 7*n) }

// growSizes makes snapshots with every kind of entry that statistics tell
// apart.
func (f *forest) growSizes(r *rand.Rand, snapshots int) {
	names := []string{"a.txt", "b.TXT", "c", ".hidden", "d.tar.gz", "e.é", "f.a b", "g.", "h.jpg", "i.ä"}
	var make1 func(depth int) syncline.Hash
	make1 = func(depth int) syncline.Hash {
		var list []syncline.Entry
		for _, name := range names {
			switch n := r.IntN(10); {
			case n < 3 && depth > 0:
				list = append(list, folder(name, make1(depth-1)))
			case n < 7:
				e := file(name, uint64(r.IntN(5)))
				for range r.IntN(3) {
					e.Content = append(e.Content, testBlob(r.IntN(testBlobs)))
				}
				e.Links = uint64(r.IntN(3))
				if r.IntN(2) == 0 {
					e.Inode, e.DeviceID = uint64(r.IntN(4)), uint64(r.IntN(2))
				}
				list = append(list, e)
			case n == 7:
				types := []syncline.EntryType{syncline.TypeSymlink, syncline.TypeFifo, "odd"}
				list = append(list, syncline.Entry{Name: name, Type: types[r.IntN(3)], Links: 1, Size: uint64(r.IntN(2)), Content: []syncline.Hash{testBlob(0)}})
			}
		}
		return f.tree(list...)
	}
	tops := []syncline.Hash{make1(3), make1(3), make1(2)}
	for range snapshots {
		if r.IntN(3) == 0 {
			tops[r.IntN(3)] = make1(2)
		}
		f.snapshot(f.tree(folder("x", tops[r.IntN(3)]), folder("y", tops[r.IntN(3)]), folder("z", tops[0])))
	}
}

// index writes an index file of all blobs into the catalog, and a second one
// with some of them.
func (f *forest) index(c *catalog.Catalog) {
	f.t.Helper()
	var packs [2]catalog.Pack
	packs[1].ID = syncline.Hash{1}
	for n := range testBlobs + 1 {
		plain, stored := blobSizeOf(n)
		if n%3 == 0 {
			plain = 0 // not compressed
		}
		if n != testBlobs-1 {
			packs[0].Blobs = append(packs[0].Blobs, catalog.Blob{ID: testBlob(n), Length: stored, Plain: plain})
		}
	}
	for i, h := range f.order {
		packs[1].Blobs = append(packs[1].Blobs, catalog.Blob{ID: h, Tree: true, Length: uint32(50 + i), Plain: 200})
	}
	if err := c.AddIndex(f.t.Context(), syncline.Hash{1}, packs[:]); err != nil {
		f.t.Fatal(err)
	}
	if err := c.AddIndex(f.t.Context(), syncline.Hash{2}, packs[1:]); err != nil {
		f.t.Fatal(err)
	}
}

// listed is an entry at a path, in the order of paths.
type listed struct {
	path string
	e    *syncline.Entry
}

func (f *forest) list(tree syncline.Hash, prefix string) (out []listed) {
	for i := range f.trees[tree] {
		e := &f.trees[tree][i]
		out = append(out, listed{prefix + "/" + e.Name, e})
		if e.IsDir() {
			out = append(out, f.list(e.Subtree, prefix+"/"+e.Name)...)
		}
	}
	return out
}

// held is a snapshot's content, counted path by path.
type held struct {
	files, trees map[string]bool // distinct ones
	blobs        map[syncline.Hash]bool
}

func (f *forest) held(root syncline.Hash, paths []listed) held {
	h := held{map[string]bool{}, map[string]bool{root.String(): true}, map[syncline.Hash]bool{}}
	for _, p := range paths {
		raw, _ := json.Marshal(p.e)
		switch p.e.Type {
		case syncline.TypeFile:
			h.files[string(raw)] = true
			for _, id := range p.e.Content {
				h.blobs[id] = true
			}
		case syncline.TypeDir:
			h.trees[p.e.Subtree.String()] = true
		}
	}
	return h
}

func countPaths(paths []listed) (n EntryCounts, size uint64) {
	for _, p := range paths {
		size += p.e.Size
		switch p.e.Type {
		case syncline.TypeFile:
			n.Files++
		case syncline.TypeDir:
			n.Folders++
		case syncline.TypeSymlink:
			n.Links++
		default:
			n.Others++
		}
	}
	return n, size
}

// restoreSize counts as restic does.
func restoreSize(paths []listed) (size uint64) {
	seen := map[[2]uint64]bool{}
	for _, p := range paths {
		key := [2]uint64{p.e.Inode, p.e.DeviceID}
		if p.e.Links == 1 || p.e.IsDir() || p.e.Inode == 0 || !seen[key] {
			size += p.e.Size
		}
		if p.e.Links != 1 && !p.e.IsDir() {
			seen[key] = true
		}
	}
	return size
}

// alone returns what is in a set and in none of the others.
func alone[K comparable](set map[K]bool, others ...map[K]bool) map[K]bool {
	out := maps.Clone(set)
	for _, other := range others {
		maps.DeleteFunc(out, func(k K, _ bool) bool { return other[k] })
	}
	return out
}

func (f *forest) sizesOf(blobs map[syncline.Hash]bool, trees map[string]bool) (plain, stored uint64) {
	for n := range testBlobs - 1 {
		if blobs[testBlob(n)] {
			p, s := blobSizeOf(n)
			if n%3 == 0 {
				p = s - min(s, 32)
			}
			plain, stored = plain+uint64(p), stored+uint64(s)
		}
	}
	for i, h := range f.order {
		if trees[h.String()] {
			stored += uint64(50 + i)
		}
	}
	return plain, stored
}

func others[T any](list []T, i int, from func(*T) map[string]bool) (out []map[string]bool) {
	for j := range list {
		if j != i {
			out = append(out, from(&list[j]))
		}
	}
	return out
}

// wantPoints is the statistics of all snapshots, counted path by path.
func (f *forest) wantPoints() (points []PointStatistics, all held) {
	var holds []held
	for i := range f.snapshots {
		s := &f.snapshots[i]
		holds = append(holds, f.held(s.Tree, f.list(s.Tree, "")))
	}
	all = held{map[string]bool{}, map[string]bool{}, map[syncline.Hash]bool{}}
	blobSets := func(list []held, skip int) (out []map[syncline.Hash]bool) {
		for j := range list {
			if j != skip {
				out = append(out, list[j].blobs)
			}
		}
		return out
	}
	for i := range f.snapshots {
		s, h := &f.snapshots[i], &holds[i]
		paths := f.list(s.Tree, "")
		p := PointStatistics{Point: syncline.RestorePoint{ID: RestorePointID(testRepository, s.ID), RepositoryID: testRepository, Snapshot: *s}}
		p.EntryCounts, _ = countPaths(paths)
		p.Size = restoreSize(paths)
		p.AddedFiles = uint64(len(alone(h.files, all.files)))
		p.AddedSize, p.AddedStoredSize = f.sizesOf(alone(h.blobs, all.blobs), alone(h.trees, all.trees))
		files := func(x *held) map[string]bool { return x.files }
		trees := func(x *held) map[string]bool { return x.trees }
		p.UniqueFiles = uint64(len(alone(h.files, others(holds, i, files)...)))
		p.UniqueSize, p.UniqueStoredSize = f.sizesOf(alone(h.blobs, blobSets(holds, i)...), alone(h.trees, others(holds, i, trees)...))
		maps.Copy(all.files, h.files)
		maps.Copy(all.trees, h.trees)
		maps.Copy(all.blobs, h.blobs)
		p.DistinctSize, p.StoredSize = f.sizesOf(all.blobs, all.trees)
		points = append(points, p)
	}
	return points, all
}

// statistics puts the forest into a catalog.
func (f *forest) statistics() (*Statistics, *catalog.Catalog) {
	o := one{f.catalog()}
	f.index(o.c)
	return &Statistics{Points: &RestorePoints{Catalogs: o, Repositories: o}}, o.c
}

func TestStatisticsAgainstModel(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 5))
		f := newForest(t)
		f.growSizes(r, 1+r.IntN(6))
		s, _ := f.statistics()
		got, err := s.Repository(t.Context(), testRepository)
		if err != nil {
			t.Fatal(err)
		}
		points, all := f.wantPoints()
		for i := range points {
			got.Points[i].Point.Snapshot.Time = points[i].Point.Snapshot.Time // the catalog has another time zone
			if !reflect.DeepEqual(got.Points[i], points[i]) {
				t.Fatalf("seed %d, snapshot %d:\n%+v, want\n%+v", seed, i, got.Points[i], points[i])
			}
		}
		last := &points[len(points)-1]
		_, everything := f.sizesOf(allBlobs(), allTrees(f))
		want := RepositoryStatistics{
			RepositoryID: testRepository, Points: got.Points, FileVersions: uint64(len(all.files)),
			DataBlobs: uint64(len(all.blobs)), TreeBlobs: uint64(len(all.trees)), DataSize: last.DistinctSize, StoredSize: last.StoredSize,
		}
		_, extra := blobSizeOf(testBlobs) // of a blob that no snapshot needs
		want.UnusedStoredSize = everything - want.StoredSize + uint64(extra)
		if all.blobs[testBlob(testBlobs-1)] {
			want.MissingBlobs = 1
		}
		for i := range points {
			addCounts(&want.EntryCounts, &points[i].EntryCounts)
			want.Size += points[i].Size
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
		}
		for i := range points {
			f.checkPoint(s, &points[i])
			f.checkFolders(r, s, &points[i])
		}
	}
}

func allBlobs() map[syncline.Hash]bool {
	out := map[syncline.Hash]bool{}
	for n := range testBlobs {
		out[testBlob(n)] = true
	}
	return out
}

func allTrees(f *forest) map[string]bool {
	out := map[string]bool{}
	for _, h := range f.order {
		out[h.String()] = true
	}
	return out
}

// below returns the paths below a folder.
func below(paths []listed, folder string) (out []listed) {
	for _, p := range paths {
		if strings.HasPrefix(p.path, folder+"/") {
			out = append(out, p)
		}
	}
	return out
}

// checkPoint checks the lists of a restore point's statistics.
func (f *forest) checkPoint(s *Statistics, want *PointStatistics) {
	f.t.Helper()
	got, err := s.RestorePoint(f.t.Context(), want.Point.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	got.Point.Snapshot.Time = want.Point.Snapshot.Time
	if !reflect.DeepEqual(got.PointStatistics, *want) {
		f.t.Errorf("%+v, want %+v", got.PointStatistics, *want)
	}
	paths := f.list(want.Point.Snapshot.Tree, "")
	kinds := map[string]KindSize{}
	files, folders := map[string]SizedPath{}, map[string]SizedPath{}
	for _, p := range paths {
		switch p.e.Type {
		case syncline.TypeFile:
			kind := map[string]string{"a.txt": ".txt", "b.TXT": ".txt", "d.tar.gz": ".gz", "h.jpg": ".jpg", "i.ä": ".ä", "e.é": ".é"}[p.e.Name]
			k := kinds[kind]
			kinds[kind] = KindSize{Kind: kind, Files: k.Files + 1, Size: k.Size + p.e.Size}
			files[p.path] = SizedPath{Path: p.path, Files: 1, Size: p.e.Size, ModTime: p.e.ModTime}
		case syncline.TypeDir:
			n, size := countPaths(below(paths, p.path))
			folders[p.path] = SizedPath{Path: p.path, Files: n.Files, Size: size}
		}
	}
	gotKinds := map[string]KindSize{}
	for _, k := range got.Kinds {
		gotKinds[k.Kind] = k
	}
	if !maps.Equal(gotKinds, kinds) || !slices.IsSortedFunc(got.Kinds, func(a, b KindSize) int { return int(b.Size) - int(a.Size) }) {
		f.t.Errorf("the kinds are %v, want %v", got.Kinds, kinds)
	}
	checkLargest(f.t, got.LargestFiles, files)
	checkLargest(f.t, got.LargestFolders, folders)
}

// checkLargest checks that got are the largest of all.
func checkLargest(t testing.TB, got []SizedPath, all map[string]SizedPath) {
	t.Helper()
	want := slices.SortedFunc(maps.Values(all), func(a, b SizedPath) int { return int(b.Size) - int(a.Size) })
	if len(got) != min(maxLargest, len(want)) {
		t.Errorf("%d are listed of %d", len(got), len(want))
	}
	seen := map[string]bool{}
	for i, p := range got {
		x := all[p.Path]
		if p.ModTime.Equal(x.ModTime) {
			x.ModTime = p.ModTime
		}
		if seen[p.Path] || p != x || p.Size != want[i].Size {
			t.Errorf("place %d has %+v of the size %d, want the size %d (twice: %v)", i, p, x.Size, want[i].Size, seen[p.Path])
		}
		seen[p.Path] = true
	}
}

func (f *forest) checkFolders(r *rand.Rand, s *Statistics, p *PointStatistics) {
	f.t.Helper()
	paths := f.list(p.Point.Snapshot.Tree, "")
	folders := []string{"/"}
	for _, x := range paths {
		if x.e.IsDir() {
			folders = append(folders, x.path)
		}
	}
	q := FolderSizesQuery{Path: folders[r.IntN(len(folders))], Depth: 1 + r.IntN(3), Limit: 1 + r.IntN(4)}
	got, err := s.FolderSizes(f.t.Context(), p.Point.ID, q)
	if err != nil {
		f.t.Fatal(err)
	}
	if got.Path != q.Path || got.Name != path.Base(q.Path) || got.Type != syncline.TypeDir {
		f.t.Errorf("asked for %s, got %+v", q.Path, got)
	}
	f.checkFolder(&got, paths, q, 0)
}

func (f *forest) checkFolder(got *FolderSize, paths []listed, q FolderSizesQuery, depth int) {
	f.t.Helper()
	inside := below(paths, strings.TrimSuffix(got.Path, "/"))
	n, size := countPaths(inside)
	if got.EntryCounts != n || got.Size != size || got.Listed != (depth < q.Depth) {
		f.t.Errorf("%+v, want %+v and %d", got, n, size)
	}
	if !got.Listed {
		return
	}
	own := 0
	for _, p := range inside {
		own += btoi(path.Dir(p.path) == got.Path)
	}
	if len(got.Children) != min(own, q.Limit) || got.Rest.Count != own-len(got.Children) {
		f.t.Errorf("%s: %d children and %d others of %d", got.Path, len(got.Children), got.Rest.Count, own)
	}
	total, totalSize := got.Rest.EntryCounts, got.Rest.Size
	for i := range got.Children {
		c := &got.Children[i]
		at := slices.IndexFunc(paths, func(p listed) bool { return p.path == c.Path })
		e := paths[at].e
		if c.Name != e.Name || c.Type != e.Type || i > 0 && got.Children[i-1].Size < c.Size {
			f.t.Errorf("child %d is %+v of %+v", i, c, e)
		}
		addCounts(&total, &c.EntryCounts)
		if totalSize += c.Size; e.IsDir() {
			total.Folders++
			f.checkFolder(c, paths, q, depth+1)
		} else if one, _ := countPaths(paths[at : at+1]); c.EntryCounts != one || c.Size != e.Size {
			f.t.Errorf("%s is %+v, of %+v", c.Path, c, e)
		}
		if got.Rest.Count > 0 && i == len(got.Children)-1 && got.Rest.Size > uint64(got.Rest.Count)*c.Size {
			f.t.Errorf("%s: the rest has something larger than %+v", got.Path, c)
		}
	}
	if total != n || totalSize != size {
		f.t.Errorf("%s: children and rest are %+v and %d, want %+v and %d", got.Path, total, totalSize, n, size)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestStatisticsFollowTheCatalog asks again after another snapshot.
func TestStatisticsFollowTheCatalog(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 3)))
	s, c := f.statistics()
	ask := func() RepositoryStatistics {
		t.Helper()
		got, err := s.Repository(t.Context(), testRepository)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if n := ask().Points[0].UniqueFiles; n != 1 {
		t.Errorf("%d files are unique", n)
	}
	f.order = nil
	f.snapshot(f.tree(file("a", 3), file("b", 4)))
	f.fill(c)
	if got := ask(); len(got.Points) != 2 || got.Points[0].UniqueFiles != 0 || got.Size != 10 {
		t.Errorf("after one more it is %+v", got)
	}
	if p, err := s.RestorePoint(t.Context(), RestorePointID(testRepository, f.snapshots[1].ID)); err != nil || p.AddedFiles != 1 || len(p.LargestFiles) != 2 {
		t.Errorf("the new one is %+v (%v)", p, err)
	}
	_, err := s.RestorePoint(t.Context(), testRepository)
	wantCode(t, err, syncline.CodeNotFound)
	first := RestorePointID(testRepository, f.snapshots[0].ID)
	for path, code := range map[string]syncline.Code{"/a": syncline.CodeInvalid, "/none": syncline.CodeNotFound, "a": syncline.CodeInvalid} {
		_, err = s.FolderSizes(t.Context(), first, FolderSizesQuery{Path: path, Depth: 1, Limit: 1})
		wantCode(t, err, code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = (&Statistics{Points: s.Points}).Repository(ctx, testRepository)
	wantCode(t, err, syncline.CodeCanceled)
}

// leaving runs a function when a use of a catalog ends.
type leaving struct {
	one
	left func()
}

func (l leaving) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	defer l.left()
	return l.one.Use(ctx, id, fn)
}

// TestNobodyWaitsWithAView asks while another question is answered. A waiting
// question that held a view would leave none for requests that list a folder.
func TestNobodyWaitsWithAView(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 3)))
	s, c := f.statistics()
	id := RestorePointID(testRepository, f.snapshots[0].ID)
	s.prepare()
	leave, err := s.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	for name, q := range map[string]struct {
		uses int // uses of the catalog, the last one for the answer
		ask  func(context.Context) error
	}{
		"repository":    {1, func(ctx context.Context) error { _, err := s.Repository(ctx, testRepository); return err }},
		"restore point": {2, func(ctx context.Context) error { _, err := s.RestorePoint(ctx, id); return err }},
		"folder sizes": {2, func(ctx context.Context) error {
			_, err := s.FolderSizes(ctx, id, FolderSizesQuery{Depth: 1, Limit: 1})
			return err
		}},
	} {
		asked, stop := context.WithTimeout(t.Context(), 10*time.Second)
		s.Points.Catalogs = leaving{one{c}, func() {
			if q.uses--; q.uses == 0 {
				stop()
			}
		}}
		if err := q.ask(asked); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		stop()
	}
}

// TestStatisticsWithoutEnd takes trees with more paths than numbers can hold,
// with many levels, and with very long names and large sizes.
func TestStatisticsWithoutEnd(t *testing.T) {
	f := newForest(t)
	tree := f.tree(file("x.bin", math.MaxUint64), file("y", 1))
	for range 80 {
		tree = f.tree(folder("a", tree), folder("b", tree))
	}
	f.snapshot(tree)
	deep := f.tree(file("deepest", 7))
	for i := range maxDepth + 100 {
		deep = f.tree(folder(strings.Repeat("n", 1+i%200), deep), file("own", 1))
	}
	f.snapshot(deep)
	s, _ := f.statistics()
	all, err := s.Repository(t.Context(), testRepository)
	if err != nil {
		t.Fatal(err)
	}
	if p := all.Points[0]; p.Files != math.MaxUint64 || p.Folders != math.MaxUint64 || p.Size != math.MaxUint64 || p.AddedFiles != 2 || all.Size != math.MaxUint64 {
		t.Errorf("without end there are %+v", p)
	}
	for i := range all.Points {
		id := all.Points[i].Point.ID
		p, err := s.RestorePoint(t.Context(), id)
		if err != nil || len(p.LargestFiles) != maxLargest || len(p.LargestFolders) != maxLargest {
			t.Errorf("%d files and %d folders are listed (%v)", len(p.LargestFiles), len(p.LargestFolders), err)
		}
		sizes, err := s.FolderSizes(t.Context(), id, FolderSizesQuery{Depth: 3, Limit: 500})
		if err != nil || len(sizes.Children) != 2 || len(sizes.Children[0].Children) != 2 || sizes.Children[0].Children[0].Children[0].Listed {
			t.Errorf("the sizes are %+v (%v)", sizes, err)
		}
	}
}

// TestLargestWithoutEnd takes trees that double with each level and have their
// largest files below the deepest listed level.
func TestLargestWithoutEnd(t *testing.T) {
	f := newForest(t)
	tree := f.tree(file("deepest", 7))
	for range maxDepth + 1 {
		tree = f.tree(folder("a", tree), folder("b", tree))
	}
	f.snapshot(f.tree(folder("deep", tree), file("own", 9)))
	s, _ := f.statistics()
	all, err := s.Repository(t.Context(), testRepository)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.RestorePoint(t.Context(), all.Points[0].Point.ID)
	if err != nil || len(p.LargestFiles) != 1 || p.LargestFiles[0].Path != "/own" || len(p.LargestFolders) != maxLargest {
		t.Errorf("%d folders and the files %+v are listed (%v)", len(p.LargestFolders), p.LargestFiles, err)
	}
}

// TestListsAreBounded checks that a search looks only into the largest of many
// folders, and that kinds beyond the list are one entry.
func TestListsAreBounded(t *testing.T) {
	f := newForest(t)
	var folders []syncline.Entry
	for i := range 200 {
		var list []syncline.Entry
		for j := range 60 {
			list = append(list, file(fmt.Sprintf("%d.kind%d", j, j), uint64(i)))
		}
		folders = append(folders, folder(fmt.Sprint(i), f.tree(list...)))
	}
	f.snapshot(f.tree(folders...))
	s, _ := f.statistics()
	id := RestorePointID(testRepository, f.snapshots[0].ID)
	got, err := s.FolderSizes(t.Context(), id, FolderSizesQuery{Depth: 2, Limit: 150})
	if err != nil {
		t.Fatal(err)
	}
	count, open := 0, true
	for i, c := range got.Children {
		if c.Listed && !open {
			t.Errorf("folder %d is looked into, a larger one is not", i)
		}
		open, count = c.Listed, count+1+len(c.Children)
	}
	if count > maxListed || count < maxListed-300 || got.Rest.Count != 50 || got.Rest.Files != 50*60 {
		t.Errorf("%d entries are listed, and the rest is %+v", count, got.Rest)
	}
	p, err := s.RestorePoint(t.Context(), id)
	if err != nil || len(p.Kinds) != maxKinds+1 {
		t.Fatal(len(p.Kinds), err)
	}
	if rest := p.Kinds[maxKinds]; !rest.Other || rest.Files != 10*200 || rest.Size != 10*199*100 {
		t.Errorf("the other kinds are %+v", rest)
	}
}

func TestKinds(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt": ".txt", "A.TXT": ".txt", "a.tar.gz": ".gz", ".profile": "", "a": "", "a.": "", "..": "", "a.b c": "", "a.b/c": "",
		"a." + strings.Repeat("x", 15): "." + strings.Repeat("x", 15), "a." + strings.Repeat("x", 16): "", "a.\xff": "", "a.\u00c4": ".\u00e4",
		"a.~1~": ".~1~", "a.c++": ".c++", "a.\x1b": "", "": "", ".": "", ".a.b": ".b",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("%q is of the kind %q, want %q", name, got, want)
		}
	}
}
