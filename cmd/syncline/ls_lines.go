package main

import (
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/inorder"
	"syncline.dev/syncline/internal/resticjson"
)

// line prints an entry.
func (l *lister) line(path string, e *syncline.Entry) error {
	if l.env.json {
		l.buf = append(resticjson.AppendNode(l.buf[:0], path, e), '\n')
	} else {
		at := strings.LastIndexByte(path, '/')
		l.lines.long, l.lines.human = l.long, l.human
		l.buf = l.lines.append(l.buf[:0], path[:max(0, at)], path[at+1:], isPrintable(path), e)
	}
	_, err := l.out.Write(l.buf)
	return err
}

// printParts prints a whole listing. Goroutines make the lines of its parts.
func (l *lister) printParts(ctx context.Context, list listing) error {
	fields := l.env.json || l.long
	return inorder.Write(ctx, l.out, l.newLines, func(give func(*catalog.Part) error) error {
		return list.parts(ctx, fields, func(p *catalog.Part) error {
			l.lost = append(l.lost, p.Lost...)
			return give(p)
		})
	})
}

// room returns about how many bytes the lines of a part take.
func (l *lister) room(p *catalog.Part) int {
	entries, paths := p.Size()
	switch {
	case l.env.json:
		const fields = 300
		return entries*fields + 2*paths
	case l.long:
		const columns = 50
		return entries*columns + paths
	}
	return entries + paths
}

// newLines returns a function that appends the lines of parts, for one goroutine.
func (l *lister) newLines() inorder.Format[*catalog.Part] {
	var nodes resticjson.Nodes
	text := entryLines{long: l.long, human: l.human}
	var last string // the folder before
	printed := true // the last folder stands as it is
	return func(buf []byte, p *catalog.Part) ([]byte, error) {
		buf = slices.Grow(buf, l.room(p))
		err := p.Each(func(folder string, e *syncline.Entry) error {
			if l.env.json {
				buf = append(nodes.Append(buf, folder, e), '\n')
				return nil
			}
			if folder != last {
				last, printed = folder, isPrintable(folder)
			}
			buf = text.append(buf, folder, e.Name, printed, e)
			return nil
		})
		return buf, err
	}
}
