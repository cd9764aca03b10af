package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"syncline.dev/syncline"
)

// checkQuery checks the query string against the document. It leaves the string on r
// with the document's names and defaults.
func (op *operation) checkQuery(ctx context.Context, r *http.Request) error {
	if len(op.query) == 0 && r.URL.RawQuery == "" {
		return nil
	}
	values, err := op.plainQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	op.lowerIDs(values)
	r.URL.RawQuery = values.Encode()
	input := &openapi3filter.RequestValidationInput{Request: r, QueryParams: values, Route: op.route}
	for _, ref := range op.query {
		name, schema := ref.Value.Name, ref.Value.Schema.Value
		if err := checkCount(name, schema, len(values[name])); err != nil {
			return err
		}
		err := openapi3filter.ValidateParameter(ctx, input, ref.Value)
		if err == nil && schema.Format == "date-time" && values.Has(name) {
			_, err = time.Parse(time.RFC3339, values.Get(name)) // the check above has no calendar
		}
		switch {
		case err != nil && ref.Value.Required && !values.Has(name):
			return invalid("%s is required; add it to the query", name)
		case err != nil:
			if schema.Items != nil { // the query has its values one by one
				schema = schema.Items.Value
			}
			return syncline.WrapError(syncline.CodeInvalid, err, "%s in the query %s", name, expectation(schema))
		}
	}
	return nil
}

// lowerIDs gives the ids in a query the form in which all ids are kept.
func (op *operation) lowerIDs(values url.Values) {
	for _, ref := range op.query {
		schema := ref.Value.Schema.Value
		if schema.Items != nil {
			schema = schema.Items.Value
		}
		if schema.Format != "uuid" {
			continue
		}
		for i, id := range values[ref.Value.Name] {
			values[ref.Value.Name][i] = strings.ToLower(id)
		}
	}
}

// checkCount checks how often the request has a parameter.
func checkCount(name string, schema *openapi3.Schema, count int) error {
	switch {
	case schema.Items == nil && count > 1:
		return invalid("%s is given more than once in the query; give it once", name)
	case schema.MaxItems != nil && uint64(count) > *schema.MaxItems:
		return invalid("%s is given too often in the query; give it %d times at most", name, *schema.MaxItems)
	}
	return nil
}

// checkValue checks a decoded body against its schema.
func checkValue(schema *openapi3.Schema, value any) error {
	err := schema.VisitJSON(value, openapi3.VisitAsRequest(), openapi3.DisableReadOnlyValidation())
	if err == nil {
		return nil
	}
	var e *openapi3.SchemaError
	if !errors.As(err, &e) {
		return syncline.WrapError(syncline.CodeInvalid, err, "the body is not as the API describes it; see /swagger")
	}
	// The library's own text can hold the value, so it is not kept as the cause.
	field := fieldName(e.JSONPointer())
	switch e.SchemaField {
	case "required":
		return invalid("%s is required; add it to the body", field)
	case "properties":
		return invalid("%s is not a known field; remove it from the body", fieldName(append(e.JSONPointer(), unknownField(e))))
	case "nullable":
		return invalid("%s must not be null; it %s", field, expectation(e.Schema))
	}
	return invalid("%s %s", field, expectation(e.Schema))
}

// fieldName names a place in a body, such as links.0.href.
func fieldName(pointer []string) string {
	if len(pointer) == 0 {
		return "the body"
	}
	name := strings.Join(pointer, ".")
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "") + "…"
	}
	return name
}

// unknownField returns the first field of the value that its schema lacks.
func unknownField(e *openapi3.SchemaError) string {
	object, _ := e.Value.(map[string]any)
	names := make([]string, 0, len(object))
	for name := range object {
		if e.Schema.Properties[name] == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "a field"
	}
	return slices.Min(names)
}

// expectation describes in words the values that a schema takes. It never shows the
// value of a request.
func expectation(s *openapi3.Schema) string {
	switch {
	case len(s.Enum) > 0:
		names := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			names[i] = fmt.Sprint(v)
		}
		return "must be one of " + strings.Join(names, ", ")
	case s.Format == "uuid":
		return "must be a UUID like 3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	case s.Format == "date-time":
		return "must be a time in RFC 3339 like 2026-11-23T10:00:00Z"
	case s.Type.Is(openapi3.TypeBoolean):
		return "must be true or false"
	case s.Type.Is(openapi3.TypeInteger):
		if s.Min != nil && s.Max != nil {
			return fmt.Sprintf("must be a whole number from %.0f to %.0f", *s.Min, *s.Max)
		}
		if s.Min != nil {
			return fmt.Sprintf("must be a whole number of %.0f or more", *s.Min)
		}
		return "must be a whole number"
	case s.Type.Is(openapi3.TypeString):
		return stringExpectation(s)
	case s.Type.Is(openapi3.TypeArray):
		return "must be an array"
	}
	return "must be a JSON object"
}

func stringExpectation(s *openapi3.Schema) string {
	switch {
	case s.MaxLength != nil && s.MinLength > 0:
		return fmt.Sprintf("must be a string of %d to %d characters", s.MinLength, *s.MaxLength)
	case s.MaxLength != nil:
		return fmt.Sprintf("must be a string of at most %d characters", *s.MaxLength)
	}
	return "must be a string"
}
