package resticrepo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"

	"syncline.dev/syncline/internal/demorepo"
	"syncline.dev/syncline/resticrepo"
)

// folder is the storage of a repository in a local folder.
type folder struct{ root *os.Root }

func (f folder) List(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	return fs.WalkDir(f.root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fn(name, info.Size())
	})
}

func (f folder) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		_, err = file.Seek(offset, io.SeekStart)
		return file, err
	}
	defer file.Close()
	b := make([]byte, length)
	if n, err := file.ReadAt(b, offset); n < len(b) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// demo makes a repository in a new folder. The caller calls remove.
func demo() (f folder, remove func()) {
	dir, err := os.MkdirTemp("", "resticrepo-example-")
	if err != nil {
		log.Fatal(err)
	}
	path, err := demorepo.Extract(dir)
	if err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		log.Fatal(err)
	}
	return folder{root}, func() { root.Close(); os.RemoveAll(dir) }
}

// Open a repository and look at its newest snapshot.
func ExampleOpen() {
	ctx := context.Background()
	storage, remove := demo()
	defer remove()
	repo, err := resticrepo.Open(ctx, storage, demorepo.Password)
	if err != nil {
		log.Fatal(err)
	}
	files, err := repo.Snapshots(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var newest *resticrepo.Snapshot
	for _, f := range files {
		s, err := repo.LoadSnapshot(ctx, f)
		if err != nil {
			log.Fatal(err)
		}
		if newest == nil || s.Time.After(newest.Time) {
			newest = s
		}
	}
	fmt.Printf("format version %d, %d snapshots\n", repo.Config().Version, len(files))
	fmt.Printf("newest: %s, of %s\n", newest.Hostname, newest.Paths)
	// Output:
	// format version 2, 14 snapshots
	// newest: mila-laptop, of [/home/mila/projects/tidewatch]
}

// Read the root directory of a snapshot: find the tree in the indexes, load it
// from its pack, and parse it.
func ExampleParseTree() {
	ctx := context.Background()
	storage, remove := demo()
	defer remove()
	repo, err := resticrepo.Open(ctx, storage, demorepo.Password)
	if err != nil {
		log.Fatal(err)
	}
	snapshots, err := repo.Snapshots(ctx) // before the indexes
	if err != nil {
		log.Fatal(err)
	}
	var snapshot *resticrepo.Snapshot
	for _, f := range snapshots {
		s, err := repo.LoadSnapshot(ctx, f)
		if err != nil {
			log.Fatal(err)
		}
		if s.Hostname == "buildbox" {
			snapshot = s
		}
	}
	indexes, err := repo.Indexes(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range indexes {
		index, err := repo.LoadIndex(ctx, f)
		if err != nil {
			log.Fatal(err)
		}
		for _, pack := range index.Packs {
			for _, blob := range pack.Blobs {
				if blob.ID != snapshot.Tree {
					continue
				}
				raw, err := repo.LoadBlob(ctx, pack.ID, blob)
				if err != nil {
					log.Fatal(err)
				}
				nodes, err := resticrepo.ParseTree(raw)
				if err != nil {
					log.Fatal(err)
				}
				for _, n := range nodes {
					fmt.Println(n.Type, n.Name)
				}
				return
			}
		}
	}
	// Output:
	// dir srv
}
