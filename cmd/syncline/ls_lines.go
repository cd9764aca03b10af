package main

import (
	"context"
	"fmt"
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
		l.buf = l.appendText(l.buf[:0], path[:max(0, at)], path[at+1:], isPrintable(path), e)
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

// newLines returns a function that appends the lines of parts, for one goroutine.
func (l *lister) newLines() inorder.Format[*catalog.Part] {
	var nodes resticjson.Nodes
	var last string // the folder before
	printed := true // the last folder stands as it is
	return func(buf []byte, p *catalog.Part) ([]byte, error) {
		err := p.Each(func(folder string, e *syncline.Entry) error {
			if l.env.json {
				buf = append(nodes.Append(buf, folder, e), '\n')
				return nil
			}
			if folder != last {
				last, printed = folder, isPrintable(folder)
			}
			buf = l.appendText(buf, folder, e.Name, printed, e)
			return nil
		})
		return buf, err
	}
}

// appendText appends the line that is not JSON. plain says that the folder's path can be
// printed as it is.
func (l *lister) appendText(b []byte, folder, name string, plain bool, e *syncline.Entry) []byte {
	if l.long {
		size := fmt.Sprintf("%6d", e.Size)
		if l.human {
			size = formatSize(e.Size)
		}
		b = fmt.Appendf(b, "%s %5d %5d %s %s ", typeMode(e.Type)|e.Mode, e.UID, e.GID, size, e.ModTime.Local().Format(timeFormat))
	}
	if plain && isPrintable(name) {
		b = append(append(append(b, folder...), '/'), name...)
	} else {
		b = append(b, printable(folder+"/"+name)...)
	}
	if l.long && e.Type == syncline.TypeSymlink {
		b = append(append(b, " -> "...), printable(e.LinkTarget)...)
	}
	return append(b, '\n')
}
