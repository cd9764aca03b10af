// Command gentree writes the benchmarks' folder tree to a disk, or changes a
// tree that it wrote to its next state. It must know nothing of repositories:
// the backup program sees an ordinary folder.
//
// Usage: gentree -dir D [-files N] [-seed S] [-step K] [-change F]
//
// Step 0 writes the tree. Step K makes the K-th round of changes to a folder
// that holds the state of step K-1.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"syncline.dev/syncline/bench/internal/treemodel"
)

func main() {
	dir := flag.String("dir", "", "folder to write to")
	files := flag.Int("files", 400_000, "number of files")
	seed := flag.Uint64("seed", 1, "which tree")
	step := flag.Int("step", 0, "0 writes the tree, K > 0 makes the K-th round of changes")
	change := flag.Float64("change", 0.01, "part of the files that a round changes")
	flag.Parse()
	if err := run(*dir, *files, *seed, *step, *change); err != nil {
		fmt.Fprintln(os.Stderr, "gentree:", err)
		os.Exit(1)
	}
}

func run(dir string, files int, seed uint64, step int, change float64) error {
	if dir == "" || files < 1 || step < 0 || change < 0 || change > 1 {
		return errors.New("needs -dir, -files of at least 1, -step of at least 0 and -change between 0 and 1")
	}
	tree := treemodel.New(seed, files)
	if step == 0 {
		return create(dir, tree)
	}
	var changes []treemodel.Change
	for range step {
		changes = tree.Mutate(change)
	}
	return apply(dir, tree, changes)
}

func create(root string, tree *treemodel.Tree) error {
	for i, d := range tree.Dirs {
		dir := filepath.Join(root, tree.Path(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, f := range d.Files {
			if err := write(dir, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func apply(root string, tree *treemodel.Tree, changes []treemodel.Change) error {
	for _, c := range changes {
		dir := filepath.Join(root, tree.Path(c.Dir))
		var err error
		switch c.Op {
		case treemodel.Deleted:
			err = os.Remove(filepath.Join(dir, c.File.Name))
		case treemodel.Renamed:
			err = os.Rename(filepath.Join(dir, c.Old), filepath.Join(dir, c.File.Name))
		case treemodel.Modified, treemodel.Added:
			err = write(dir, c.File)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func write(dir string, f treemodel.File) error {
	name := filepath.Join(dir, f.Name)
	if err := os.WriteFile(name, f.AppendContent(nil), 0o644); err != nil {
		return err
	}
	return os.Chtimes(name, time.Time{}, f.ModTime())
}
