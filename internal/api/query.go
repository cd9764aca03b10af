package api

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"syncline.dev/syncline"
)

// plainQuery reads a query string and gives its parameters the document's names. Letter
// case does not matter in a name, and an empty parameter counts as absent. An unknown
// parameter is an error, because a filter that silently vanishes shows the wrong
// things. A parameter that begins with an underscore is no filter and is left out.
func (op *operation) plainQuery(raw string) (url.Values, error) {
	sent, err := url.ParseQuery(raw)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the query string is malformed; escape special characters with %%")
	}
	plain, unpaged := make(url.Values, len(sent)), make(url.Values)
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		values := slices.DeleteFunc(sent[name], func(v string) bool { return v == "" })
		if len(values) == 0 || strings.HasPrefix(name, "_") {
			continue
		}
		switch known := op.parameter(name); {
		case known != "":
			plain[known] = append(plain[known], values...)
		case op.list && pageParameter(name) != "":
			unpaged[pageParameter(name)] = append(unpaged[pageParameter(name)], values...)
		default:
			return nil, op.unknownParameter(name)
		}
	}
	return plain, op.checkUnpaged(unpaged)
}

// parameter returns the document's name of a query parameter, "" for none.
func (op *operation) parameter(name string) string {
	for _, ref := range op.query {
		if equalFoldASCII(ref.Value.Name, name) {
			return ref.Value.Name
		}
	}
	return ""
}

// pageParameter returns the name of one of the two parameters that every list
// takes, "" for any other.
func pageParameter(name string) string {
	for _, known := range []string{"limit", "offset"} {
		if equalFoldASCII(known, name) {
			return known
		}
	}
	return ""
}

// checkUnpaged checks limit and offset of a list that v6 answers whole, where they
// change nothing. It refuses an offset of a list with a cursor, whose reader would take
// the first page for the second.
func (op *operation) checkUnpaged(sent url.Values) error {
	for name, values := range sent {
		n, err := strconv.ParseInt(values[0], 10, 64)
		switch {
		case len(values) > 1:
			return invalid("%s is given more than once in the query; give it once", name)
		case err != nil || n < 0:
			return invalid("%s in the query must be a whole number of 0 or more", name)
		case n > 0 && name == "offset" && op.parameter("cursor") != "":
			return invalid("offset in the query is not a parameter of this list; send the nextCursor of one page as the cursor of the next")
		}
	}
	return nil
}

// unknownParameter names the parameter and the known ones.
func (op *operation) unknownParameter(name string) error {
	if len(op.query) == 0 {
		return invalid("%s in the query is not known; this operation takes no parameters, leave it out", printable(name))
	}
	names := make([]string, len(op.query))
	for i, ref := range op.query {
		names[i] = ref.Value.Name
	}
	return invalid("%s in the query is not known; this operation takes %s", printable(name), strings.Join(names, ", "))
}

// printable makes a client's text fit for a message.
func printable(name string) string {
	const most = 60
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// isList reports whether an operation answers with a list: an array, or a page
// of results.
func isList(o *openapi3.Operation) bool {
	ok := o.Responses.Value("200")
	if ok == nil {
		return false
	}
	media := ok.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return false
	}
	schema := media.Schema.Value
	return schema.Type.Is(openapi3.TypeArray) || schema.Properties["results"] != nil
}
