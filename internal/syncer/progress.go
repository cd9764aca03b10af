package syncer

// progress turns bytes into a percentage that never falls. It stays below 100
// until the caller says that everything is committed.
//
// The number of bytes to fetch is known only when the indexes are read. So the
// first part is reading snapshots and indexes, whose sizes are in the listing,
// and the trees are the second part.
type progress struct {
	report func(percent int)

	done, total int64 // bytes of the current part
	from, to    int   // its range of percent
	shown       int
}

// The percentage at which the trees begin, and the largest before the end.
const (
	percentTrees = 5
	percentLast  = 99
)

// part begins a part of total bytes that ends at percent to.
func (p *progress) part(total int64, to int) {
	p.from, p.to, p.done, p.total = p.shown, max(to, p.shown), 0, total
}

// add counts bytes done and reports when the percentage rose.
func (p *progress) add(bytes int64) {
	p.done += bytes
	percent := p.to
	if p.total > 0 && p.done < p.total {
		percent = p.from + int(int64(p.to-p.from)*p.done/p.total)
	}
	if percent > p.shown {
		p.shown = percent
		p.report(percent)
	}
}
