package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

// maxFile bounds the size of the file in bytes.
const maxFile = 1 << 20

// readFile reads the file. An error means that it is no file of settings at all.
func (t Table) readFile(path string) (*layer, error) {
	l := newLayer()
	if path == "" {
		return l, nil
	}
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return l, nil // empty, or comments alone
	case err != nil:
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "%s is not YAML (%s)", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if !errors.Is(decoder.Decode(&second), io.EOF) {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%s holds more than one YAML document, or a fault behind the first; write all settings into one", path)
	}
	root := doc.Content[0]
	if root.Tag == "!!null" {
		return l, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%s:%d: this is no list of settings; write one to a line, such as listen: \":4443\"", path, root.Line)
	}
	t.readMapping(l, path, root)
	return l, nil
}

// read returns the bytes of a file that only its owner and its group can change.
func read(path string) ([]byte, error) {
	// A pipe would hold up the start, so it is not opened.
	info, err := os.Stat(path)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the configuration file %s cannot be read (%v)", path, reason(err))
	}
	if !info.Mode().IsRegular() {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the configuration %s is no regular file", path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "every user of this machine can change the configuration file %s (mode %04o); run chmod o-w %s", path, info.Mode().Perm(), path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the configuration file %s cannot be read (%v)", path, reason(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the configuration file %s cannot be read (%v)", path, reason(err))
	}
	if len(data) > maxFile {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the configuration file %s is larger than 1 MiB", path)
	}
	return data, nil
}

// reason is the cause of a failure without the path.
func reason(err error) error {
	var failure *fs.PathError
	if errors.As(err, &failure) {
		return failure.Err
	}
	return err
}

// readMapping reads the keys of the file and their values.
func (t Table) readMapping(l *layer, path string, root *yaml.Node) {
	lines := make(map[string]int)
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		at := fmt.Sprintf("%s:%d", path, key.Line)
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			l.refuse("%s: a setting's name must be plain text", at)
			continue
		}
		s := t.find(key.Value)
		switch {
		case s == nil:
			l.refuse("%s: there is no setting %q%s", at, clip.Text(key.Value, most), suggestion(key.Value, t.names()))
		case lines[s.Name] != 0:
			l.refuse("%s: %s stands in line %d, too; write each setting once", at, s.Name, lines[s.Name])
		default:
			lines[s.Name] = key.Line
			read, err := s.fromNode(value)
			if err != nil {
				l.refuse("%s: %s %v", at, s.Name, err)
				continue
			}
			l.put(s.Name, at, read)
		}
	}
}

func (t Table) names() []string {
	var names []string
	for i := range t {
		if !t[i].Hidden {
			names = append(names, t[i].Name)
		}
	}
	return names
}

// fromNode reads the value of a setting in the file. Aliases are refused, so the
// values are no larger than the file.
func (s *Setting) fromNode(n *yaml.Node) (any, error) {
	if _, list := s.Value.(*[]string); list && n.Kind == yaml.SequenceNode {
		values := make([]string, 0, len(n.Content))
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.Tag != "!!str" || item.Value == "" {
				return nil, errors.New("must be a list of texts")
			}
			values = append(values, item.Value)
		}
		return values, nil
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return nil, errors.New("is an alias; write the value itself")
	case n.Kind != yaml.ScalarNode:
		return nil, fmt.Errorf("must be %s", s.wanted())
	case n.Tag == "!!null":
		return nil, errors.New("has no value; leave the line out for the default")
	case !slices.Contains(s.tags(), n.Tag):
		return nil, fmt.Errorf("must be %s", s.wanted())
	}
	if _, list := s.Value.(*[]string); list {
		return []string{n.Value}, nil
	}
	return s.parse(n.Value)
}

// tags are the YAML types that a setting takes.
func (s *Setting) tags() []string {
	switch s.Value.(type) {
	case *bool:
		return []string{"!!bool"}
	case *int:
		return []string{"!!int"}
	case *time.Duration:
		return []string{"!!str", "!!int"} // 0 needs no unit
	case *string:
		return []string{"!!str", "!!int"}
	}
	return []string{"!!str"}
}

// wanted says which type a setting takes.
func (s *Setting) wanted() string {
	switch s.Value.(type) {
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	case *time.Duration:
		return "a duration, such as 15m"
	case *string:
		return "one text"
	}
	return "a list of texts"
}
