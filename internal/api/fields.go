package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// plainValue gives a decoded body the form that the document describes. The
// names of fields match without regard to letter case, and a whole number may
// be a string. A value that fits no field stays as it is, for the check that
// comes next. plainValue fails when two names mean one field.
func plainValue(schema *openapi3.Schema, value any, at ...string) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		return plainObject(schema, v, at)
	case []any:
		if schema.Items == nil {
			return v, nil
		}
		for i := range v {
			var err error
			if v[i], err = plainValue(schema.Items.Value, v[i], at...); err != nil {
				return nil, err
			}
		}
	case string:
		if schema.Type.Is(openapi3.TypeInteger) && isWholeNumber(v) {
			return json.Number(v), nil
		}
	}
	return value, nil
}

func plainObject(schema *openapi3.Schema, object map[string]any, at []string) (any, error) {
	fields := make(map[string]*openapi3.Schema)
	collectFields(schema, fields)
	plain := make(map[string]any, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		known := fieldOf(fields, name)
		child := fields[known]
		if child == nil {
			known = name
			if ref := schema.AdditionalProperties.Schema; ref != nil {
				child = ref.Value
			}
		}
		place := append(slices.Clone(at), known)
		if _, twice := plain[known]; twice {
			return nil, invalid("%s is given more than once in the body; give it once", fieldName(place))
		}
		plain[known] = object[name]
		if child == nil {
			continue
		}
		var err error
		if plain[known], err = plainValue(child, object[name], place...); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

// collectFields gathers the fields of a schema and of those that it is made of.
func collectFields(schema *openapi3.Schema, fields map[string]*openapi3.Schema) {
	for name, ref := range schema.Properties {
		fields[name] = ref.Value
	}
	for _, part := range schema.AllOf {
		collectFields(part.Value, fields)
	}
}

// fieldOf returns the document's name of a field, "" for none.
func fieldOf(fields map[string]*openapi3.Schema, name string) string {
	if fields[name] != nil {
		return name
	}
	for known := range fields {
		if equalFoldASCII(known, name) {
			return known
		}
	}
	return ""
}

// isWholeNumber reports whether a text is a whole number in JSON's form.
func isWholeNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == "" && (digits == "0" || digits[0] != '0')
}
