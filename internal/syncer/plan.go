package syncer

import (
	"fmt"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// plan holds the tree blobs that the indexes name, by pack.
type plan struct {
	packs []catalog.Pack // tree blobs only, by offset
}

// add takes the trees of packs over.
func (p *plan) add(packs []catalog.Pack) {
	for _, pack := range packs {
		trees := 0
		for i := range pack.Blobs {
			if pack.Blobs[i].Tree {
				trees++
			}
		}
		if trees == 0 {
			continue
		}
		kept := make([]catalog.Blob, 0, trees)
		for _, b := range pack.Blobs {
			if b.Tree {
				kept = append(kept, b)
			}
		}
		p.packs = append(p.packs, catalog.Pack{ID: pack.ID, Blobs: kept})
	}
}

// piece is one request: neighbouring blobs of one pack.
type piece struct {
	pack  syncline.Hash
	blobs []catalog.Blob
}

func (p *piece) offset() int64 { return int64(p.blobs[0].Offset) }

func (p *piece) length() int64 {
	last := p.blobs[len(p.blobs)-1]
	return int64(last.Offset) + int64(last.Length) - p.offset()
}

// maxGap is the number of unwanted bytes between two blobs that cost less than
// another request.
const maxGap = 64 << 10

// pieces returns the requests for the trees that are wanted, each tree once,
// the trees in that order, the same trees' other places, and the sum of the
// lengths of what is wanted.
func (p *plan) pieces(maxRead int64, wanted func(syncline.Hash) bool) (out []piece, order []syncline.Hash, others map[syncline.Hash][]place, size int64) {
	taken := make(map[syncline.Hash]bool)
	others = make(map[syncline.Hash][]place)
	slices.SortFunc(p.packs, func(a, b catalog.Pack) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for i := range p.packs {
		pack := &p.packs[i]
		var cur piece
		for _, b := range pack.Blobs {
			if taken[b.ID] {
				others[b.ID] = append(others[b.ID], place{pack.ID, b})
				continue
			}
			if !wanted(b.ID) {
				continue
			}
			taken[b.ID] = true
			order = append(order, b.ID)
			size += int64(b.Length)
			if len(cur.blobs) > 0 && !cur.takes(b, maxRead) {
				out = append(out, cur)
				cur = piece{}
			}
			cur.pack = pack.ID
			cur.blobs = append(cur.blobs, b)
		}
		if len(cur.blobs) > 0 {
			out = append(out, cur)
		}
	}
	return out, order, others, size
}

// place is where a copy of a blob lies.
type place struct {
	pack syncline.Hash
	blob catalog.Blob
}

// takes reports whether b should be read with the blobs of p.
func (p *piece) takes(b catalog.Blob, maxRead int64) bool {
	end := p.offset() + p.length()
	if int64(b.Offset) < end || int64(b.Offset)-end > maxGap {
		return false
	}
	return maxRead <= 0 || int64(b.Offset)+int64(b.Length)-p.offset() <= maxRead
}

// formatBytes writes a size for people.
func formatBytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	div, exp := int64(unit), 0
	for m := n / unit; m >= unit && exp < 4; m /= unit {
		div *= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", float64(n)/float64(div), "KMGTP"[exp])
}
