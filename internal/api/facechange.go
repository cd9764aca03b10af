package api

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// change changes a value in place: an answer's *object or []any, or the map or []any of a
// body. nil changes nothing.
type change func(v *view, value any) error

func (c change) apply(v *view, value any) error {
	if c == nil || value == nil {
		return nil
	}
	return c(v, value)
}

// compileTells finds out, from the schemas of the parent's document, where the types that
// change are in each answer.
func (f *face) compileTells() {
	tell := &compiler{memo: make(map[string]change), own: f.table.tell}
	f.tells = make(map[string]change)
	for _, item := range f.parent.doc.Paths.Map() {
		for _, o := range item.Operations() {
			for status, ref := range o.Responses.Map() {
				if media := ref.Value.Content.Get(mediaJSON); media != nil && status[0] == '2' {
					f.tells[o.OperationID] = tell.of(media.Schema)
				}
			}
		}
	}
	for name := range f.table.types {
		tell.of(openapi3.NewSchemaRef(schemaPath+name, f.parent.schema(name)))
	}
	f.tellsType = tell.memo
}

// compileTakes does the same with the bodies.
func (f *face) compileTakes() {
	take := &compiler{memo: make(map[string]change), own: f.table.take}
	f.takes = make(map[string]change)
	for _, item := range f.doc.Paths.Map() {
		for _, o := range item.Operations() {
			if o.RequestBody == nil {
				continue
			}
			if media := o.RequestBody.Value.Content.Get(mediaJSON); media != nil {
				f.takes[o.OperationID] = take.of(media.Schema)
			}
		}
	}
	for name := range f.table.types {
		take.of(openapi3.NewSchemaRef(schemaPath+name, f.schema(name)))
	}
	f.takesType = take.memo
}

// schema returns a type of the document. A type that the document lacks is empty.
func (f *face) schema(name string) *openapi3.Schema {
	if ref := f.doc.Components.Schemas[name]; ref != nil {
		return ref.Value
	}
	return &openapi3.Schema{}
}

// compiler makes the change of a value from its schema.
type compiler struct {
	memo map[string]change // by type
	own  func(name string) change
}

const schemaPath = "#/components/schemas/"

// of returns the change of values of a schema. A type that contains itself counts as
// without changes on the way.
func (c *compiler) of(ref *openapi3.SchemaRef) change {
	if ref == nil || ref.Value == nil {
		return nil
	}
	name, named := typeName(ref.Ref)
	if known, ok := c.memo[name]; ok && named {
		return known
	}
	if named {
		c.memo[name] = nil
	}
	var all []change
	if each := c.of(ref.Value.Items); each != nil {
		all = append(all, inList(each))
	}
	for _, property := range slices.Sorted(maps.Keys(ref.Value.Properties)) {
		if part := c.of(ref.Value.Properties[property]); part != nil {
			all = append(all, inField(property, part))
		}
	}
	for _, part := range ref.Value.AllOf {
		if whole := c.of(part); whole != nil {
			all = append(all, whole)
		}
	}
	if own := c.own(name); own != nil && named {
		all = append(all, own)
	}
	made := inTurn(all)
	if named {
		c.memo[name] = made
	}
	return made
}

// typeName returns the name of a type from a reference to it.
func typeName(ref string) (name string, ok bool) {
	if len(ref) <= len(schemaPath) {
		return "", false
	}
	return ref[len(schemaPath):], true
}

func inTurn(all []change) change {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return func(v *view, value any) error {
		for _, c := range all {
			if err := c(v, value); err != nil {
				return err
			}
		}
		return nil
	}
}

func inList(each change) change {
	return func(v *view, value any) error {
		list, _ := value.([]any)
		for _, one := range list {
			if err := each(v, one); err != nil {
				return err
			}
		}
		return nil
	}
}

func inField(name string, part change) change {
	return func(v *view, value any) error {
		switch o := value.(type) {
		case *object:
			return part.apply(v, o.get(name))
		case map[string]any:
			return part.apply(v, o[name])
		}
		return nil
	}
}

// tell returns the change of a type in answers.
func (t *faceTable) tell(name string) change {
	c, ok := t.types[name]
	if !ok {
		return nil
	}
	return func(v *view, value any) error {
		o, ok := value.(*object)
		if !ok {
			return nil
		}
		for _, f := range c.add {
			if f.tell == nil {
				continue
			}
			told, err := f.tell(v, o)
			if err != nil {
				return err
			}
			o.set(f.name, f.after, told)
		}
		o.drop(c.drop...)
		if c.tell == nil {
			return nil
		}
		return c.tell(v, o)
	}
}

// take returns the change of a type in bodies: the parent's form has none of the added
// fields.
func (t *faceTable) take(name string) change {
	c, ok := t.types[name]
	if !ok {
		return nil
	}
	return func(v *view, value any) error {
		body, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		for _, f := range c.add {
			if _, sent := body[f.name]; !sent {
				continue
			}
			if f.take != nil {
				if err := f.take(v, body); err != nil {
					return err
				}
			}
			delete(body, f.name)
		}
		if c.take == nil {
			return nil
		}
		return c.take(v, body)
	}
}
