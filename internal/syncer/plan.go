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

// add adds the trees of packs.
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

// maxGap is the gap between two blobs that costs less to read than another
// request.
const maxGap = 64 << 10

// work is the reads of a plan.
type work struct {
	pieces []piece
	trees  int
	size   int64                         // bytes of the trees, encrypted
	others map[syncline.Hash][]blobPlace // further places of the same trees
}

// pieces returns the requests for the wanted trees, each tree once. It calls
// reserve for them in this order. reserve returns a small number, the same for
// the same tree. The result shares blobs with the plan.
func (p *plan) pieces(maxRead int64, wanted func(*syncline.Hash) bool, reserve func(*syncline.Hash) uint32) *work {
	w := &work{others: make(map[syncline.Hash][]blobPlace)}
	var taken []bool
	take := func(pack *catalog.Pack, b *catalog.Blob) bool {
		if !wanted(&b.ID) {
			return false
		}
		no := int(reserve(&b.ID))
		if no >= len(taken) {
			taken = append(taken, make([]bool, no+1-len(taken))...)
		}
		if taken[no] {
			w.others[b.ID] = append(w.others[b.ID], blobPlace{pack.ID, *b})
			return false
		}
		taken[no] = true
		return true
	}
	slices.SortFunc(p.packs, func(a, b catalog.Pack) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for i := range p.packs {
		w.add(p.packs[i].ID, chosen(&p.packs[i], take), maxRead)
	}
	return w
}

// chosen returns the blobs of a pack that take chooses; usually all.
func chosen(pack *catalog.Pack, take func(*catalog.Pack, *catalog.Blob) bool) (some []catalog.Blob) {
	all := true
	for i := range pack.Blobs {
		b := &pack.Blobs[i]
		switch ok := take(pack, b); {
		case ok && !all:
			some = append(some, *b)
		case !ok && all:
			all = false
			some = slices.Clone(pack.Blobs[:i])
		}
	}
	if all {
		return pack.Blobs
	}
	return some
}

// add cuts a pack's blobs into requests.
func (w *work) add(pack syncline.Hash, blobs []catalog.Blob, maxRead int64) {
	first := 0
	for i := range blobs {
		w.trees++
		w.size += int64(blobs[i].Length)
		if p := (piece{pack, blobs[first:i]}); i > first && !p.takes(blobs[i], maxRead) {
			w.pieces = append(w.pieces, p)
			first = i
		}
	}
	if first < len(blobs) {
		w.pieces = append(w.pieces, piece{pack, blobs[first:]})
	}
}

// blobPlace is the place of a copy of a blob.
type blobPlace struct {
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
