// Command contractfacts writes a table of the facts of OpenAPI documents that
// describe one version of an API: its operations with their parameters, bodies
// and answers, and the properties of its types. Tests hold our own document
// against the table in internal/api/testdata.
//
//	contractfacts DOCUMENT.json... > internal/api/testdata/VERSION.tsv
//
// A line has six fields with tabs between them: the kind of fact, the operation
// or type it is of, the name, the type, the marks, and the values of a closed
// enumeration. A type is written as name or name:format; []T is a list of T,
// {}T a dictionary of T, and #T an object of the document.
package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contractfacts:", err)
		os.Exit(1)
	}
}

func run(names []string, out io.Writer) error {
	var facts []string
	for _, name := range names {
		doc, err := openapi3.NewLoader().LoadFromFile(name)
		if err != nil {
			return err
		}
		facts = append(append(facts, operations(doc)...), types(doc)...)
	}
	slices.Sort(facts)
	facts = slices.Compact(facts)
	for i := 1; i < len(facts); i++ {
		if subject(facts[i]) == subject(facts[i-1]) {
			return fmt.Errorf("the documents do not agree:\n%s\n%s", facts[i-1], facts[i])
		}
	}
	_, err := io.WriteString(out, fact("kind", "of", "name", "type", "marks", "values")+"\n"+strings.Join(facts, "\n")+"\n")
	return err
}

func fact(fields ...string) string { return strings.Join(fields, "\t") }

// subject is what a fact is about: its first three fields.
func subject(fact string) string { return strings.Join(strings.SplitN(fact, "\t", 4)[:3], "\t") }

func operations(doc *openapi3.T) (facts []string) {
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			for _, ref := range slices.Concat(item.Parameters, op.Parameters) {
				p := ref.Value
				kind, values := typeOf(p.Schema)
				facts = append(facts, fact("parameter", name, p.In+" "+p.Name, kind, marks(p.Required, false, false), values))
			}
			if op.RequestBody != nil {
				for media, content := range op.RequestBody.Value.Content {
					kind, values := typeOf(content.Schema)
					facts = append(facts, fact("body", name, media, kind, marks(op.RequestBody.Value.Required, false, false), values))
				}
			}
			for status, ref := range op.Responses.Map() {
				kind, values := "", ""
				if content := ref.Value.Content["application/json"]; content != nil {
					kind, values = typeOf(content.Schema)
				}
				facts = append(facts, fact("answer", name, status, kind, "", values))
			}
		}
	}
	return facts
}

func types(doc *openapi3.T) (facts []string) {
	for name, ref := range doc.Components.Schemas {
		s := ref.Value
		if len(s.Properties) == 0 && s.Type.Is(openapi3.TypeObject) {
			kind, values := typeOf(&openapi3.SchemaRef{Value: s})
			facts = append(facts, fact("type", name, "", kind, "", values))
		}
		for property, ref := range s.Properties {
			kind, values := typeOf(ref)
			p := resolved(ref)
			facts = append(facts, fact("property", name, property, kind, marks(slices.Contains(s.Required, property), p.Nullable, p.ReadOnly), values))
		}
	}
	return facts
}

func marks(required, nullable, readOnly bool) string {
	var list []string
	for name, set := range map[string]bool{"required": required, "nullable": nullable, "readOnly": readOnly} {
		if set {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// resolved is the one schema that a property stands for by "allOf".
func resolved(ref *openapi3.SchemaRef) *openapi3.Schema {
	if ref.Ref == "" && len(ref.Value.AllOf) == 1 {
		return ref.Value.AllOf[0].Value
	}
	return ref.Value
}

// typeOf writes a type and the values that it is closed to.
func typeOf(ref *openapi3.SchemaRef) (kind, values string) {
	if ref == nil {
		return "", ""
	}
	if ref.Ref == "" && len(ref.Value.AllOf) == 1 {
		ref = ref.Value.AllOf[0]
	}
	s := ref.Value
	switch {
	case ref.Ref != "" && s.Type.Is(openapi3.TypeObject):
		return "#" + ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:], ""
	case s.Type.Is(openapi3.TypeArray):
		kind, values = typeOf(s.Items)
		return "[]" + kind, values
	case s.Type.Is(openapi3.TypeObject) && s.AdditionalProperties.Schema != nil:
		kind, values = typeOf(s.AdditionalProperties.Schema)
		return "{}" + kind, values
	}
	kind = cmp.Or(strings.Join(s.Type.Slice(), "|"), "any")
	if s.Format != "" {
		kind += ":" + s.Format
	}
	set := make(map[string]bool)
	for _, v := range s.Enum {
		set[fmt.Sprint(v)] = true
	}
	return kind, strings.Join(slices.Sorted(maps.Keys(set)), " ")
}
