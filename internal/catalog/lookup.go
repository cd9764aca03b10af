package catalog

import "syncline.dev/syncline"

// Lookup returns the first entry of a tree with that name, and its own tree
// where it has one. found is false where there is none.
func (v *View) Lookup(tree TreeRef, name string, detail Detail) (e *syncline.Entry, sub TreeRef, ok, found bool, err error) {
	runs, err := v.runs(tree.no)
	if err != nil {
		return nil, TreeRef{}, false, false, err
	}
	for _, r := range runs {
		for no := r.start; no < r.start+r.count; no++ {
			b, err := v.entries(uint64(no/entriesPerBlock), int(no%entriesPerBlock))
			if err != nil {
				return nil, TreeRef{}, false, false, err
			}
			own, err := v.name(b.rows[no%entriesPerBlock].name)
			if err != nil {
				return nil, TreeRef{}, false, false, err
			}
			if own != name {
				continue
			}
			e, subtree, err := v.entry(no, detail)
			return e, TreeRef{subtree - 1}, subtree != 0, err == nil, err
		}
	}
	return nil, TreeRef{}, false, false, nil
}
