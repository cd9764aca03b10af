package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// measures writes down all that statistics read of a catalog.
func measures(ctx context.Context, c *catalog.Catalog) (text string, err error) {
	err = c.View(ctx, func(v *catalog.View) error {
		m, err := v.Measures(ctx)
		if err != nil {
			return err
		}
		var b []byte
		for tree := range uint32(m.Trees()) {
			h, err := v.TreeHash(tree)
			if err != nil {
				return err
			}
			b = fmt.Appendf(b, "tree %s in %d\n", h.Short(), slices.Collect(m.Parents(tree)))
			for r := range m.Ranges(tree) {
				b = fmt.Appendf(b, "%d: %d\n", r, m.Subtrees(r))
			}
		}
		for no := range uint32(m.Entries()) {
			name, err := m.Name(v, no)
			if err != nil {
				return err
			}
			sub, dir := m.Subtree(no)
			file, link := m.Inode(no)
			b = fmt.Appendf(b, "%q %d %d %d %v %d %v\n", name, m.Class(no), m.Size(no), sub, dir, file, link)
		}
		err = v.EachContent(ctx, func(entry uint32, blobs []syncline.Hash) error {
			b = fmt.Appendf(b, "%d %v\n", entry, blobs)
			return nil
		})
		text = string(b)
		return err
	})
	return text, err
}

// measureAgain makes sure that what statistics read is what it was.
func (m *model) measureAgain(ctx context.Context, c *catalog.Catalog) error {
	text, err := measures(ctx, c)
	if err == nil && m.measured != "" && text != m.measured {
		err = errors.New("the measures are other ones than before")
	}
	return err
}
