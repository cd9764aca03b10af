package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// lists compares the lists of both programs: the snapshots, and every entry of
// each.
func (c *comparison) lists(ctx context.Context) error {
	if err := c.sameSnapshots(ctx); err != nil {
		return err
	}
	which := c.snapshots
	if c.newest {
		which = which[len(which)-1:]
	}
	var entries int64
	for _, id := range which {
		theirs, err := c.digest(ctx, c.restic, c.resticArgs("ls", "--json", id)...)
		if err != nil {
			return err
		}
		mine, err := c.digest(ctx, c.syncline, c.plain(c.ours(), "ls", "--json", id)...)
		if err != nil {
			return err
		}
		if theirs != mine {
			return fmt.Errorf("ls --json %s: restic lists %d entries, syncline %d, and they are not the same", id, theirs.count, mine.count)
		}
		entries += mine.count - 1
	}
	c.note("`snapshots --json`, and `ls --json` of %d of the %d snapshots, %d entries in all, are the same as restic's.",
		len(which), len(c.snapshots), entries)
	return nil
}

// digest is a sum over the lines of a list, in any order.
type digest struct {
	count int64
	sum   [4]uint64
}

// laterFields are fields that old versions of restic do not print.
var laterFields = []string{"inode", "message_type", "struct_type", "permissions"}

func (c *comparison) digest(ctx context.Context, program string, args ...string) (d digest, err error) {
	_, err = stream(ctx, nil, func(r io.Reader) error {
		return lines(r, func(line []byte) error {
			var fields map[string]any
			if err := json.Unmarshal(line, &fields); err != nil {
				return err
			}
			if d.count == 0 { // the snapshot itself, which sameSnapshots compares
				fields = map[string]any{"id": fields["id"], "tree": fields["tree"]}
			}
			for _, name := range laterFields {
				delete(fields, name)
			}
			plain, err := json.Marshal(fields) // with sorted keys
			if err != nil {
				return err
			}
			h := sha256.Sum256(plain)
			for i := range d.sum {
				d.sum[i] += binary.LittleEndian.Uint64(h[8*i:])
			}
			d.count++
			return nil
		})
	}, program, args...)
	return d, err
}

// sameSnapshots compares every field that restic prints of the snapshots.
func (c *comparison) sameSnapshots(ctx context.Context) error {
	load := func(program string, args ...string) (map[string]map[string]any, error) {
		u, err := measure(ctx, nil, program, args...)
		if err != nil {
			return nil, err
		}
		var list []map[string]any
		if err := json.Unmarshal(u.out, &list); err != nil {
			return nil, err
		}
		out := make(map[string]map[string]any)
		for _, s := range list {
			out[fmt.Sprint(s["id"])] = s
		}
		return out, nil
	}
	theirs, err := load(c.restic, c.resticArgs("snapshots", "--json")...)
	if err != nil {
		return err
	}
	mine, err := load(c.syncline, c.plain(c.ours(), "snapshots", "--json")...)
	if err != nil {
		return err
	}
	if len(theirs) != len(mine) {
		return fmt.Errorf("snapshots --json: restic lists %d, syncline %d", len(theirs), len(mine))
	}
	for id, s := range theirs {
		for field, want := range s {
			if !reflect.DeepEqual(mine[id][field], want) {
				return fmt.Errorf("snapshots --json: %s of %s is %v, restic has %v", field, id, mine[id][field], want)
			}
		}
	}
	return nil
}
