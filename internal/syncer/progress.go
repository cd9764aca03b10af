package syncer

// progress turns bytes into a percentage that never falls and stays below 100
// until the caller says that all is committed.
//
// How much there is to fetch is known only when the index is read. So reading
// snapshots and indexes, whose sizes the listing tells, is the first part, and
// the trees are the rest.
type progress struct {
	report func(percent int)

	done, total int64 // bytes of the current part
	from, to    int   // its range of percent
	shown       int
}

// Percent at which the trees begin, and the most before the end.
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
