package notify

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

const (
	// MaxTemplate bounds a template, in bytes.
	MaxTemplate = 8 << 10

	maxSubject = 500      // bytes of a rendered subject
	maxBody    = 64 << 10 // bytes of a rendered body
	renderTime = 2 * time.Second
	maxNesting = 2 // of range in range
)

// lists are the fields that a template may go through. A number cannot be gone through:
// a large one would take for ever.
var lists = []string{"Alarms", "Paths"}

// functions are those that a template has beside text/template's own comparisons, len
// and index. Functions that make texts longer are taken away: in a loop they fill the
// memory.
var functions = template.FuncMap{
	"date": func(layout string, t time.Time) string { return clip.Text(t.Format(clip.Text(layout, 100)), 200) },
	"in":   inZone,
	"join": func(sep string, list []string) string {
		return clip.Text(strings.Join(list, clip.Text(sep, 10)), maxBody)
	},
	"upper": func(s string) string { return strings.ToUpper(clip.Text(s, maxBody)) },
	"lower": func(s string) string { return strings.ToLower(clip.Text(s, maxBody)) },
	"print": missing("print"), "printf": missing("printf"), "println": missing("println"),
	"html": missing("html"), "js": missing("js"), "urlquery": missing("urlquery"), "call": missing("call"),
}

func missing(name string) func(...any) (string, error) {
	return func(...any) (string, error) { return "", fmt.Errorf("the function %s is not available", name) }
}

func inZone(zone string, t time.Time) (time.Time, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return t, fmt.Errorf("there is no time zone %q", clip.Text(zone, 60))
	}
	return t.In(loc), nil
}

// parseTemplate returns a template that ends and whose output is bounded, or CodeInvalid.
func parseTemplate(field, text string) (*template.Template, error) {
	if len(text) > MaxTemplate {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%s is too long; it has at most %d bytes", field, MaxTemplate)
	}
	t, err := template.New(field).Funcs(functions).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "%s is no template: %s", field, clean(err.Error(), 300))
	}
	if len(t.Templates()) > 1 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%s defines another template; define and block are not available", field)
	}
	if t.Tree == nil {
		return t, nil
	}
	if err := check(t.Root, 0); err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "%s is refused: %s", field, err)
	}
	return t, nil
}

// check refuses what may not end.
func check(node parse.Node, loops int) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, child := range n.Nodes {
			if err := check(child, loops); err != nil {
				return err
			}
		}
	case *parse.TemplateNode:
		return errors.New("template is not available")
	case *parse.IfNode:
		return errors.Join(check(n.List, loops), check(n.ElseList, loops))
	case *parse.WithNode:
		return errors.Join(check(n.List, loops), check(n.ElseList, loops))
	case *parse.RangeNode:
		if !overList(n.Pipe) {
			return fmt.Errorf("range goes through %s only", strings.Join(lists, " and "))
		}
		if loops++; loops > maxNesting {
			return fmt.Errorf("range is nested more than %d deep", maxNesting)
		}
		return errors.Join(check(n.List, loops), check(n.ElseList, loops))
	}
	return nil
}

// overList reports whether a pipeline is one of the lists.
func overList(p *parse.PipeNode) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	var path []string
	switch n := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		path = n.Ident
	case *parse.VariableNode:
		path = n.Ident[1:] // after the variable's name
	}
	return len(path) > 0 && slices.Contains(lists, path[len(path)-1])
}

// render runs a template on what a message tells.
func render(t *template.Template, data any, most int) (string, error) {
	out := &boundedWriter{left: most, until: time.Now().Add(renderTime)}
	if err := t.Execute(out, data); err != nil {
		var e template.ExecError
		if errors.As(err, &e) && errors.Is(e.Err, errBound) {
			err = errBound
		}
		return "", syncline.WrapError(syncline.CodeInvalid, err, "%s cannot be filled in: %s", t.Name(), clean(err.Error(), 300))
	}
	return strings.ToValidUTF8(out.b.String(), "\uFFFD"), nil
}

var errBound = errors.New("the text is too long, or takes too long")

type boundedWriter struct {
	b     bytes.Buffer
	left  int
	until time.Time
}

// Write implements io.Writer.
func (w *boundedWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 || time.Now().After(w.until) {
		return 0, errBound
	}
	return w.b.Write(p)
}
