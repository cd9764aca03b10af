package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
)

// derive makes the document of the face from its parent's and the table.
func (f *face) derive() error {
	words := append([]string{"/" + f.parent.name + "/", "/" + f.name + "/"}, f.table.words...)
	text := strings.NewReplacer(words...).Replace(string(f.parent.asJSON))
	var doc tree
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("parse the parent's document: %w", err)
	}
	doc.at("info")["version"] = f.name
	for _, name := range slices.Sorted(maps.Keys(f.table.types)) {
		if err := f.table.types[name].write(doc.at("components", "schemas"), name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, text := range f.table.schemas {
		piece, err := fromYAML(text)
		if err != nil {
			return err
		}
		doc.at("components", "schemas")[name] = piece
	}
	if err := f.writeOperations(doc); err != nil {
		return err
	}
	if err := f.writeExamples(doc); err != nil {
		return err
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("marshal the document: %w", err)
	}
	loader, made := openapi3.NewLoader(), &openapi3.T{}
	if err := made.UnmarshalJSON(data); err != nil { // as JSON, because the loader reads all as YAML, which takes longer
		return fmt.Errorf("parse the document: %w", err)
	}
	if err := loader.ResolveRefsIn(made, nil); err != nil {
		return fmt.Errorf("resolve the document's references: %w", err)
	}
	f.doc = made
	if err := f.doc.Validate(loader.Context); err != nil {
		return fmt.Errorf("check the document: %w", err)
	}
	f.asJSON = data
	return nil
}

// documentOf returns the document of a face, for a server under a base.
func documentOf(name, base string, marshal func(any) ([]byte, error)) ([]byte, error) {
	faces, err := loadFaces()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(faces, func(f *face) bool { return f.name == name })
	var doc tree
	if err := json.Unmarshal(faces[at].asJSON, &doc); err != nil {
		return nil, fmt.Errorf("parse the document: %w", err)
	}
	if base != "" {
		doc["servers"] = []any{map[string]any{"url": base}}
	}
	return marshal(map[string]any(doc))
}

// tree is an object of a document.
type tree map[string]any

// at returns an object below, which it makes where it is not there.
func (t tree) at(path ...string) tree {
	for _, name := range path {
		child, ok := t[name].(map[string]any)
		if !ok {
			child = make(map[string]any)
			t[name] = child
		}
		t = child
	}
	return t
}

// fromYAML reads a piece of a document.
func fromYAML(text string) (piece map[string]any, err error) {
	if err := yaml.Unmarshal([]byte(text), &piece); err != nil {
		return nil, fmt.Errorf("parse %q: %w", text, err)
	}
	return piece, nil
}

func refTo(name string) map[string]any { return map[string]any{"$ref": schemaPath + name} }

// write changes a type of the document, or adds it.
func (c typeChange) write(schemas tree, name string) error {
	schema := schemas.at(name)
	properties := schema.at("properties")
	if schema["type"] == nil {
		schema["type"], schema["additionalProperties"] = openapi3.TypeObject, false
	}
	if c.nullable {
		schema["nullable"] = true
	}
	for _, f := range c.add {
		piece, err := fromYAML(f.schema)
		if err != nil {
			return err
		}
		properties[f.name] = piece
	}
	for _, name := range c.drop {
		if _, known := properties[name]; !known {
			return fmt.Errorf("the parent has no field %s", name)
		}
		delete(properties, name)
	}
	if required, ok := schema["required"].([]any); ok {
		required = slices.DeleteFunc(required, func(r any) bool { return slices.Contains(c.drop, r.(string)) })
		schema["required"] = required
		if len(required) == 0 {
			delete(schema, "required")
		}
	}
	return nil
}

func (f *face) writeOperations(doc tree) error {
	paths := doc.at("paths")
	changed := make(map[string]bool)
	for path := range paths {
		item := paths.at(path)
		for method := range item {
			o, ok := item[method].(map[string]any)
			if !ok {
				continue
			}
			id, _ := o["operationId"].(string)
			c, ok := f.table.operations[id]
			if !ok {
				continue
			}
			changed[id] = true
			if c.absent {
				delete(item, method)
				continue
			}
			if err := c.write(doc, o); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
		if !hasOperation(item) {
			delete(paths, path)
		}
	}
	for id := range f.table.operations {
		if !changed[id] {
			return fmt.Errorf("the parent has no operation %s", id)
		}
	}
	for _, o := range f.table.added {
		piece, err := fromYAML(o.doc)
		if err != nil {
			return err
		}
		piece["operationId"] = o.id
		paths.at("/" + f.name + o.path)[strings.ToLower(o.method)] = piece
	}
	return nil
}

func hasOperation(item tree) bool {
	for _, method := range []string{"get", "post", "put", "delete"} {
		if item[method] != nil {
			return true
		}
	}
	return false
}

// write changes an operation of the document.
func (c opChange) write(doc, o tree) error {
	parameters, _ := o["parameters"].([]any)
	for _, name := range c.without {
		before := len(parameters)
		parameters = slices.DeleteFunc(parameters, func(p any) bool { return parameterName(doc, p) == name })
		if len(parameters) == before {
			return fmt.Errorf("the parent has no parameter %s", name)
		}
	}
	for _, p := range c.ask {
		schema, err := fromYAML(p.schema)
		if err != nil {
			return err
		}
		parameters = append(parameters, map[string]any{"name": p.name, "in": "query", "description": p.description, "schema": schema})
	}
	if len(parameters) > 0 {
		o["parameters"] = parameters
	} else {
		delete(o, "parameters")
	}
	responses := o.at("responses")
	if c.page != nil {
		media := responses.at("200", "content", mediaJSON)
		doc.at("components", "schemas")[c.page.name] = c.page.schema(media["schema"])
		media["schema"] = refTo(c.page.name)
	}
	if c.status != 0 {
		answer := responses.at("200")
		delete(responses, "200")
		responses[fmt.Sprint(c.status)] = map[string]any(answer)
	}
	return nil
}

// parameterName returns the name of a parameter, which may be a reference.
func parameterName(doc tree, p any) string {
	parameter := tree(p.(map[string]any))
	if ref, ok := parameter["$ref"].(string); ok {
		parameter = doc.at("components", "parameters", strings.TrimPrefix(ref, "#/components/parameters/"))
	}
	name, _ := parameter["name"].(string)
	return name
}

// schema is the type of a page whose results have the schema.
func (p *pageChange) schema(results any) map[string]any {
	number := map[string]any{"type": openapi3.TypeInteger, "format": "int32"}
	properties := map[string]any{"offset": number, "limit": number, "results": results, "_links": refTo("JobPageLinks")}
	if p.total {
		properties["totalCount"] = number
	}
	return map[string]any{
		"type": openapi3.TypeObject, "additionalProperties": false, "properties": properties,
		"required": slices.Sorted(maps.Keys(properties)),
	}
}

// writeExamples gives the examples of the document the face's form.
func (f *face) writeExamples(doc tree) error {
	schemas := doc.at("components", "schemas")
	f.compileTells()
	v := &view{facts: exampleFacts{}, face: f}
	for name, made := range f.tellsType {
		example, ok := schemas.at(name)["example"]
		if !ok || made == nil {
			continue
		}
		data, err := json.Marshal(example)
		if err != nil {
			return fmt.Errorf("marshal an example: %w", err)
		}
		value, err := parseValue(data)
		if err != nil {
			return fmt.Errorf("parse an example: %w", err)
		}
		if err := made(v, value); err != nil {
			return err
		}
		if data, err = appendValue(nil, value); err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(data, &plain); err != nil {
			return fmt.Errorf("parse an example: %w", err)
		}
		schemas.at(name)["example"] = plain
	}
	return nil
}

// exampleFacts are the facts of the examples in a document.
type exampleFacts struct{}

func (exampleFacts) installationID() (syncline.ID, error) {
	return "5dc5d7ea-977c-4ec9-8d3a-4781d0512f2f", nil
}

func (exampleFacts) objectStorage(syncline.ID) (*object, error) { return nil, nil }

func (exampleFacts) immutable(syncline.ID) (*bool, error) { return nil, nil }
