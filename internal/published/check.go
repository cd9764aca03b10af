package published

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check returns what is wrong with an answer to an operation, which Find names. The faults
// are sentences for whoever reads a test's log. An answer without a fault has a status that
// the operation has, and a body with the required properties, the types, the formats, the
// values and the nulls that the description allows. Properties beyond the description are
// those in Ours.
func (d *Description) Check(operation string, status int, body []byte) (faults []string) {
	facts, ok := d.Operations[operation]
	if !ok {
		return []string{operation + " is not in the description"}
	}
	fact, ok := facts["answer "+strconv.Itoa(status)]
	if !ok && status >= http.StatusBadRequest {
		fact, ok = facts["answer default"]
	}
	switch {
	case !ok:
		return []string{fmt.Sprintf("the status %d is not one of %s", status, operation)}
	case strings.HasSuffix(operation, "/token") && status == http.StatusOK:
		fact.Kind = "#OAuthTokenResponse" // described under another media type
	}
	if fact.Kind == "" {
		if len(body) > 0 {
			return []string{fmt.Sprintf("an answer %d has a body, and the description has none", status)}
		}
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return []string{"the body is not JSON: " + err.Error()}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return []string{"the body has more than one JSON value"}
	}
	c := checker{types: d.Types}
	c.value("the body", fact, value)
	return c.faults
}

type checker struct {
	types  map[string]map[string]Fact
	faults []string
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// value holds a value against a fact.
func (c *checker) value(where string, f Fact, v any) {
	if v == nil {
		if !f.Has("nullable") && f.Kind != "any" {
			c.fault("%s is null", where)
		}
		return
	}
	if kind, ok := strings.CutPrefix(f.Kind, "[]"); ok {
		list, ok := v.([]any)
		if !ok {
			c.fault("%s is no list", where)
		}
		for i, x := range list {
			c.value(fmt.Sprintf("%s[%d]", where, i), Fact{Kind: kind, Values: f.Values}, x)
		}
		return
	}
	if kind, ok := strings.CutPrefix(f.Kind, "{}"); ok {
		dictionary, ok := v.(map[string]any)
		if !ok {
			c.fault("%s is no object", where)
		}
		for name, x := range dictionary {
			c.value(where+"."+name, Fact{Kind: kind, Values: f.Values}, x)
		}
		return
	}
	if kind, ok := strings.CutPrefix(f.Kind, "#"); ok {
		c.object(where, kind, v)
		return
	}
	c.simple(where, f, v)
}

// object holds a value against a type.
func (c *checker) object(where, name string, v any) {
	properties, known := c.types[name]
	if whole, ok := properties[""]; ok {
		c.value(where, whole, v)
		return
	}
	object, ok := v.(map[string]any)
	if !ok || !known {
		c.fault("%s is no %s", where, name)
		return
	}
	ours := strings.Fields(Ours[name])
	for _, property := range slices.Sorted(maps.Keys(object)) {
		f, ok := properties[property]
		switch {
		case ok:
			c.value(where+"."+property, f, object[property])
		case !slices.Contains(ours, property):
			c.fault("%s has %s, which %s does not have", where, property, name)
		}
	}
	for _, property := range slices.Sorted(maps.Keys(properties)) {
		if _, ok := object[property]; !ok && properties[property].Has("required") {
			c.fault("%s lacks %s, which %s requires", where, property, name)
		}
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// simple holds a value against a fact whose kind names no other one.
func (c *checker) simple(where string, f Fact, v any) {
	base, format, _ := strings.Cut(f.Kind, ":")
	fine := false
	switch x := v.(type) {
	case string:
		fine = base == "string" && formatted(format, x)
		if len(f.Values) > 0 && !slices.Contains(f.Values, x) {
			c.fault("%s is %q, and not one of %v", where, x, f.Values)
		}
	case bool:
		fine = base == "boolean"
	case json.Number:
		fine = base == "number" || base == "integer" && whole(format, x)
	case map[string]any:
		fine = base == "object"
	}
	if !fine && base != "any" {
		c.fault("%s is %v, which is no %s", where, v, f.Kind)
	}
}

func formatted(format, text string) bool {
	switch format {
	case "uuid":
		return uuid.MatchString(text)
	case "date-time":
		at, err := time.Parse(time.RFC3339Nano, text)
		return err == nil && at.Location() == time.UTC
	case "password":
		return text == "" // secrets do not come out
	}
	return true
}

func whole(format string, n json.Number) bool {
	i, err := n.Int64()
	return err == nil && (format != "int32" || i >= math.MinInt32 && i <= math.MaxInt32)
}
