// Command genrepo writes a restic repository of any size without files behind
// it, much faster than a backup. It is for sizes for which a disk full of files
// takes too long. "restic check --read-data" accepts the result. It shares no
// code with the reader of repositories, so neither hides the other's faults.
//
// Usage: RESTIC_PASSWORD=… genrepo -r DIR [-files N] [-snapshots M] [-change F]
// [-seed S] [-contents C] [-lean]
//
// A repository of 100 million files takes two more flags. With -contents the files share
// that many contents, so packs of data and the index stay small. With -lean the program
// holds folders in memory and no files, and writes one snapshot.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"syncline.dev/syncline/internal/resticwriter"
)

func main() {
	var o options
	flag.StringVar(&o.dir, "r", "", "folder for the repository, new or empty")
	flag.IntVar(&o.files, "files", 4_000_000, "number of files in each snapshot")
	flag.IntVar(&o.snapshots, "snapshots", 30, "number of snapshots")
	flag.Float64Var(&o.change, "change", 0.01, "part of the files that changes from one snapshot to the next")
	flag.Uint64Var(&o.seed, "seed", 1, "which tree")
	flag.IntVar(&o.contents, "contents", 0, "number of distinct contents that the files share; 0 gives each file and version its own")
	flag.BoolVar(&o.lean, "lean", false, "hold no files in memory; writes another tree of the same size, and one snapshot only")
	flag.Parse()
	o.password = os.Getenv("RESTIC_PASSWORD")
	if err := run(o, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "genrepo:", err)
		os.Exit(1)
	}
}

type options struct {
	dir, password    string
	files, snapshots int
	change           float64
	seed             uint64
	contents         int
	lean             bool
}

func run(o options, progress io.Writer) error {
	switch {
	case o.dir == "":
		return errors.New("say where to write: -r DIR")
	case o.password == "":
		return errors.New("set RESTIC_PASSWORD")
	case o.files < 1 || o.snapshots < 1 || o.change < 0 || o.change > 1:
		return errors.New("-files and -snapshots are at least 1, -change is between 0 and 1")
	case o.contents < 0:
		return errors.New("-contents is not negative")
	case o.lean && o.snapshots != 1:
		return errors.New("-lean writes one snapshot: give -snapshots 1")
	}
	r, err := resticwriter.CreateAs(o.dir, o.password, resticwriter.Form{Version: 2, Work: resticwriter.ResticWork})
	if err != nil {
		return err
	}
	g := newGenerator(r, &o)
	for i := range o.snapshots {
		if i > 0 {
			g.mutate(i, o.change)
		}
		if err := g.snapshot(i); err != nil {
			return fmt.Errorf("snapshot %d: %w", i+1, err)
		}
		fmt.Fprintf(progress, "genrepo: snapshot %d of %d, %d trees in all\n", i+1, o.snapshots, g.written.Load())
	}
	return nil
}
