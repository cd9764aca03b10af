package explore

import (
	"context"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// recursive returns a page of the entries in a folder and the folders below, in
// the order of restic's ls: by name, each folder before its entries. It
// compares the folder with nothing, so a page starts at its cursor and skips
// the part before.
func (x *Explorer) recursive(ctx context.Context, point syncline.ID, path string, q EntriesQuery) (EntryPage, error) {
	if q.Sort != "" && q.Sort != "name" || q.Descending || q.FoldersFirst || q.Offset > 0 || q.Find != "" {
		return EntryPage{}, syncline.Errorf(syncline.CodeInvalid, "with recursive, entries come by name only; leave out sort, order, foldersFirst, offset and find")
	}
	page := EntryPage{Path: path, Paths: []string{}}
	err := x.view(ctx, point, func(v *catalog.View, s catalog.Snapshot) error {
		tree, err := findFolder(v, s.Root, path)
		if err != nil {
			return err
		}
		key := cursorKey("recursive", s.ID.String(), path)
		var resume, last []uint64
		if q.Cursor != "" {
			if resume, err = decodeCursor(key, q.Cursor); err != nil {
				return err
			}
		}
		if err := v.Refs(tree, nil, func(int, catalog.EntryRef) error { page.Total++; return ctx.Err() }); err != nil {
			return err
		}
		c := newComparer(ctx, v, path)
		c.detail, c.ahead.round = 0, 2*q.Limit
		c.visit = func(p *Pair) error {
			if len(page.Entries) == q.Limit {
				page.Next = encodeCursor(key, last...)
				return errEnough
			}
			page.Entries, page.Paths = append(page.Entries, *bare(p.After)), append(page.Paths, p.Path())
			last = append(last[:0], c.at...)
			return nil
		}
		return c.folders(side{}, side{sub: tree, ok: true}, resume)
	})
	switch {
	case errors.Is(err, errEnough):
		err = nil
	case syncline.CodeOf(err) == syncline.CodeTooLarge:
		err = syncline.WrapError(syncline.CodeTooLarge, err, "there is too much in a folder, or it nests too deep, to be listed with recursive; list it folder by folder")
	}
	return page, err
}
