package resticrepo

import (
	"bytes"
	"errors"
)

// Span is the place of one node object in a decoded tree blob: raw[Start:End].
type Span struct{ Start, End int }

// The form in which restic writes trees.
const (
	treeStart = `{"nodes":[`
	treeEnd   = `]}`
	nodeStart = `{"name":"`
	nodeNext  = `,{"name":"`
	afterName = `,"type":"`

	// minNodeRest is less than the length between the type and the end of any
	// node: the three times alone take more.
	minNodeRest = 120
)

// SplitTree appends the places of the node objects of a decoded tree blob to
// spans, in order. It does not parse them. An error means that raw is no tree.
//
// A tree in the form that restic writes takes a fast way, which only looks for
// the bounds between nodes: `},{"name":"`, a string, `,"type":"`. Single commas
// join its spans, which are all there is between `{"nodes":[` and `]}`. So if
// ParseNode accepts every span, the tree is valid JSON and these are its nodes.
// A wrong bound, in the middle of some value, always leaves a span that does
// not parse. The caller then discards the spans and calls SplitTreeSlow, which
// tells a damaged tree from one in another form. ErrInvalidName is not such a
// failure, because the object did parse.
//
// Every other form (other key orders, white space, unknown keys) takes the way
// of SplitTreeSlow from the start.
func SplitTree(raw []byte, spans []Span) ([]Span, error) {
	body := bytes.TrimSuffix(raw, []byte("\n"))
	if !bytes.HasPrefix(body, []byte(treeStart+nodeStart)) || !bytes.HasSuffix(body, []byte("}"+treeEnd)) {
		return SplitTreeSlow(raw, spans)
	}
	end := len(body) - len(treeEnd)
	start := len(treeStart)
	for pos := start + len(nodeStart) + minNodeRest; pos < end; {
		i := bytes.IndexByte(body[pos:end], '}')
		if i < 0 {
			break
		}
		pos += i + 1
		rest := body[pos:end]
		if len(rest) < len(nodeNext) || string(rest[:len(nodeNext)]) != nodeNext {
			continue
		}
		n := nameEnd(rest[len(nodeNext):])
		if n < 0 {
			continue
		}
		spans = append(spans, Span{Start: start, End: pos})
		start = pos + 1
		pos += len(nodeNext) + n + minNodeRest
	}
	return append(spans, Span{Start: start, End: end}), nil
}

// nameEnd finds the end of a name, whose string b continues. It returns the
// position behind the `,"type":"` that must follow the name, or -1. This tells
// a node from an extended attribute, which has a name and a value.
func nameEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			i++
			if len(b)-i >= len(afterName) && string(b[i:i+len(afterName)]) == afterName {
				return i + len(afterName)
			}
			return -1
		}
	}
	return -1
}

// SplitTreeSlow appends the places of the node objects of any valid tree
// document to spans, in order. It checks that the whole document is valid JSON.
// The key "nodes" must be there once. Its value is an array, or null for a tree
// without nodes.
func SplitTreeSlow(raw []byte, spans []Span) ([]Span, error) {
	s := scanner{buf: raw}
	found := false
	err := s.object(func(key []byte) error {
		if string(key) != "nodes" {
			return s.skip(maxDepth)
		}
		if found {
			return errors.New(`the key "nodes" comes twice`)
		}
		found = true
		if s.literal("null") {
			return nil
		}
		return s.array(func() error {
			start := s.pos
			if err := s.skip(maxDepth); err != nil {
				return err
			}
			spans = append(spans, Span{Start: start, End: s.pos})
			return nil
		})
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && !found {
		err = errors.New(`the key "nodes" is missing`)
	}
	if err != nil {
		return nil, &DamageError{Object: "tree", Reason: "it is not valid JSON", Err: err}
	}
	return spans, nil
}

// ParseTree parses a decoded tree blob. With an error that matches
// ErrInvalidName, all nodes are there, and a name is invalid. Any other error
// means that raw is no tree.
func ParseTree(raw []byte) ([]Node, error) {
	spans, err := SplitTree(raw, nil)
	if err != nil {
		return nil, err
	}
	nodes, err := parseSpans(raw, spans)
	if err == nil || errors.Is(err, ErrInvalidName) {
		return nodes, err
	}
	spans, err = SplitTreeSlow(raw, spans[:0])
	if err != nil {
		return nil, err
	}
	return parseSpans(raw, spans)
}

func parseSpans(raw []byte, spans []Span) ([]Node, error) {
	nodes := make([]Node, len(spans))
	var invalid error
	for i, span := range spans {
		err := ParseNode(raw[span.Start:span.End], &nodes[i])
		if err != nil && !errors.Is(err, ErrInvalidName) {
			return nil, err
		}
		if err != nil && invalid == nil {
			invalid = err
		}
	}
	return nodes, invalid
}
