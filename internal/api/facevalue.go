package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object whose fields keep their order. A value in it is an *object, a
// []any or, for anything without parts, a jsontext.Value.
type object struct{ fields []field }

type field struct {
	name  string
	value any
}

// leftOut stands for the value of a field that an answer does not have.
var leftOut any = new(struct{ _ byte })

// null is a field that is there and tells nothing.
var null = jsontext.Value("null")

func (o *object) at(name string) int {
	return slices.IndexFunc(o.fields, func(f field) bool { return f.name == name })
}

// get returns a value, nil for none.
func (o *object) get(name string) any {
	if i := o.at(name); i >= 0 {
		return o.fields[i].value
	}
	return nil
}

// child returns an object in the object, nil for none.
func (o *object) child(name string) *object {
	c, _ := o.get(name).(*object)
	return c
}

// text returns a string, "" for any other value.
func (o *object) text(name string) (s string) {
	raw, _ := o.get(name).(jsontext.Value)
	if raw.Kind() == '"' {
		_ = json.Unmarshal(raw, &s) // a value that was parsed
	}
	return s
}

// set gives a field its value, behind another one where it is new. With leftOut it
// changes nothing.
func (o *object) set(name, after string, value any) {
	if value == leftOut {
		return
	}
	if i := o.at(name); i >= 0 {
		o.fields[i].value = value
		return
	}
	at := o.at(after) + 1
	if at == 0 {
		at = len(o.fields)
	}
	o.fields = slices.Insert(o.fields, at, field{name, value})
}

// drop takes fields away.
func (o *object) drop(names ...string) {
	o.fields = slices.DeleteFunc(o.fields, func(f field) bool { return slices.Contains(names, f.name) })
}

// parseValue reads a JSON text that this server wrote.
func parseValue(data []byte) (any, error) {
	return readValue(jsontext.NewDecoder(bytes.NewReader(data)))
}

func readValue(dec *jsontext.Decoder) (any, error) {
	kind := dec.PeekKind()
	if kind != '{' && kind != '[' {
		raw, err := dec.ReadValue()
		return raw.Clone(), err
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	o, list := &object{}, []any{}
	for end := kind + 2; dec.PeekKind() != end; { // of the two pairs of brackets in ASCII
		name := ""
		if kind == '{' {
			token, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			name = token.String()
		}
		value, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		if kind == '{' {
			o.fields = append(o.fields, field{name, value})
		} else {
			list = append(list, value)
		}
	}
	_, err := dec.ReadToken()
	if kind == '{' {
		return o, err
	}
	return list, err
}

// appendValue writes a value as JSON. Beside the parts of an object, it takes what
// encoding/json does.
func appendValue(b []byte, value any) ([]byte, error) {
	var err error
	switch v := value.(type) {
	case *object:
		for i, f := range v.fields {
			b = append(b, separator(i, '{'))
			if b, err = jsontext.AppendQuote(b, f.name); err != nil {
				return b, fmt.Errorf("write a field's name: %w", err)
			}
			b = append(b, ':')
			if b, err = appendValue(b, f.value); err != nil {
				return b, err
			}
		}
		if len(v.fields) == 0 {
			b = append(b, '{')
		}
		return append(b, '}'), nil
	case []any:
		for i := range v {
			b = append(b, separator(i, '['))
			if b, err = appendValue(b, v[i]); err != nil {
				return b, err
			}
		}
		if len(v) == 0 {
			b = append(b, '[')
		}
		return append(b, ']'), nil
	case jsontext.Value:
		return append(b, v...), nil
	}
	plain, err := json.Marshal(value)
	return append(b, plain...), err
}

func separator(i int, first byte) byte {
	if i == 0 {
		return first
	}
	return ','
}

// toObject returns a value of the generated types as an object.
func toObject(value any) (*object, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("marshal a part of an answer: %w", err)
	}
	parsed, err := parseValue(data)
	o, ok := parsed.(*object)
	if err == nil && !ok {
		err = fmt.Errorf("%T is no object", value)
	}
	return o, err
}
