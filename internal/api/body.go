package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"syncline.dev/syncline"
)

const (
	// maxDepth is how deep a JSON body may nest. No schema needs more than 3.
	maxDepth = 16
	// readTimeout bounds how long a client may take to send its body.
	readTimeout = 30 * time.Second

	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// byteOrderMark is what some programs write in front of UTF-8.
var byteOrderMark = []byte("\ufeff")

// bodyLimits bound one body.
type bodyLimits struct {
	bytes  int64
	tokens int // names, values and ends of a JSON text
	time   time.Duration
}

var (
	// userBody is for operations that need a user. The largest that a schema
	// allows has 4,000 values.
	userBody = bodyLimits{bytes: 1 << 20, tokens: 20_000, time: readTimeout}
	// publicBody is for operations that need no user: a name, a password of 1,024 bytes
	// that may all be escaped, and the other fields that clients send.
	publicBody = bodyLimits{bytes: 8 << 10, tokens: 200, time: 10 * time.Second}
)

func (l bodyLimits) tooLarge() error {
	return syncline.Errorf(syncline.CodeTooLarge, "the body is too large; send at most %d bytes", l.bytes)
}

// bodyLimits returns the limits of the operation's body.
func (op *operation) bodyLimits() bodyLimits {
	if op.public() {
		return publicBody
	}
	return userBody
}

// mediaTypeError says that the operation does not take bodies of this media type. It is
// status 415, for which the domain has no code.
type mediaTypeError struct{ message string }

func (e *mediaTypeError) Error() string { return e.message }

// validatedBody gives the generated code the checked value, so that it does not decode
// the body again by other rules.
type validatedBody struct {
	io.Reader
	value any
}

func (validatedBody) Close() error { return nil }

// ValidatedValue is the method that the generated code's runtime looks for.
func (b validatedBody) ValidatedValue() any { return b.value }

// checkBody reads the body of an operation that takes one, checks it against
// the document and leaves it on r in decoded form. The body of any other
// operation is not read.
func (op *operation) checkBody(w *response, r *http.Request) error {
	limits := op.bodyLimits()
	if r.ContentLength > limits.bytes {
		return limits.tooLarge()
	}
	if op.body == nil {
		return nil
	}
	media, err := op.mediaType(r.Header)
	if err != nil {
		return err
	}
	data, err := readBody(w, r, limits)
	if err != nil {
		return err
	}
	data = bytes.TrimPrefix(data, byteOrderMark)
	if op.body.Content[mediaForm] != nil && isForm(media, data) {
		media = mediaForm
	} else {
		media = mediaJSON
	}
	value, err := decodeBody(media, data, op.body.Content[media].Schema.Value, limits)
	if err != nil {
		return err
	}
	// The generated code gets every body as JSON and compares the header byte by byte.
	r.Header.Set("Content-Type", mediaJSON)
	r.Body = validatedBody{Reader: bytes.NewReader(data), value: value}
	r.ContentLength = int64(len(data))
	return nil
}

// decodeBody decodes a body and checks it against its schema.
func decodeBody(media string, data []byte, schema *openapi3.Schema, limits bodyLimits) (value any, err error) {
	if media == mediaForm {
		value, err = decodeForm(data, schema)
	} else {
		value, err = decodeJSON(data, limits.tokens)
	}
	if err != nil {
		return nil, err
	}
	if value, err = plainValue(schema, value); err != nil {
		return nil, err
	}
	return value, checkValue(schema, value)
}

// isForm tells a urlencoded body from JSON where an operation takes both. It looks into
// the body, because clients send the one under the media type of the other, or under a
// third.
func isForm(media string, data []byte) bool {
	data = bytes.TrimSpace(data)
	if media == mediaJSON {
		return bytes.ContainsRune(data, '=') && !bytes.ContainsAny(data[:1], `{["`)
	}
	return !bytes.HasPrefix(data, []byte("{"))
}

// mediaType returns the body's media type when the operation takes it. An operation
// that takes a form takes every media type.
func (op *operation) mediaType(h http.Header) (string, error) {
	expected := "send Content-Type: application/json"
	if op.body.Content[mediaForm] != nil {
		expected += " or " + mediaForm
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", &mediaTypeError{"the body must not be compressed; send it without Content-Encoding"}
	}
	header := h.Get("Content-Type")
	media, params, err := mime.ParseMediaType(header)
	known := err == nil && op.body.Content[media] != nil
	if !known && op.body.Content[mediaForm] != nil {
		return mediaForm, nil
	}
	if header == "" {
		return "", &mediaTypeError{"the request has no Content-Type; " + expected}
	}
	if !known {
		return "", &mediaTypeError{"the body's media type is not supported; " + expected}
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") {
		return "", &mediaTypeError{"the body's character set is not supported; send UTF-8"}
	}
	return media, nil
}

func readBody(w *response, r *http.Request, limits bodyLimits) ([]byte, error) {
	expect := r.ContentLength
	if expect < 0 {
		expect = limits.bytes
	}
	if err := infoFrom(r.Context()).visit.Hold(expect); err != nil {
		return nil, err
	}
	w.readDeadline(r, time.Now().Add(limits.time))
	// The limiting reader closes the connection instead of reading on, and finds it
	// only through the server's own writer.
	data, err := io.ReadAll(http.MaxBytesReader(w.w, r.Body, limits.bytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, limits.tooLarge()
	case err != nil:
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the body could not be read to its end; send the request again")
	}
	w.readDeadline(r, time.Time{}) // the client has done its part
	return data, nil
}

// decodeJSON decodes a JSON text into maps, slices, strings, json.Numbers and
// bools. It refuses what encoding/json lets pass: duplicate names, invalid
// UTF-8, deep nesting, more than so many tokens, anything after the value.
func decodeJSON(data []byte, maxTokens int) (any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, invalid("the body is empty; send a JSON object")
	}
	if !utf8.Valid(data) {
		return nil, invalid("the body is not valid UTF-8")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for tokens := 0; ; tokens++ {
		_, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if tokens >= maxTokens {
			return nil, syncline.Errorf(syncline.CodeTooLarge, "the body holds more than %d names and values", maxTokens)
		}
		if err != nil {
			return nil, jsonError(err)
		}
		if dec.StackDepth() > maxDepth {
			return nil, invalid("the body nests deeper than %d levels", maxDepth)
		}
	}
	plain := json.NewDecoder(bytes.NewReader(data))
	plain.UseNumber()
	var value any
	if err := plain.Decode(&value); err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the body is not valid JSON")
	}
	if _, err := plain.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("the body holds more than one JSON value; send one object")
	}
	return value, nil
}

// jsonError says what is wrong with a JSON text and where, without the text.
func jsonError(err error) error {
	var e *jsontext.SyntacticError
	if !errors.As(err, &e) {
		return syncline.WrapError(syncline.CodeInvalid, err, "the body is not valid JSON")
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		pointer := slices.Collect(e.JSONPointer.Tokens())
		return invalid("%s is given more than once in the body; give it once", fieldName(pointer))
	}
	return invalid("the body is not valid JSON at byte %d", e.ByteOffset)
}

// decodeForm takes the fields that the schema has from a form; others are
// ignored, as the schema of every form here allows.
func decodeForm(data []byte, schema *openapi3.Schema) (any, error) {
	values, err := url.ParseQuery(string(data))
	switch {
	case err != nil && bytes.HasPrefix(data, []byte("--")):
		return nil, invalid("the form in the body is in parts, which are not read; send it as application/x-www-form-urlencoded")
	case err != nil:
		return nil, invalid("the form in the body is malformed; escape special characters with %%")
	}
	object := make(map[string]any, len(schema.Properties))
	for name := range schema.Properties {
		var v []string
		for sent, given := range values {
			if equalFoldASCII(sent, name) {
				v = append(v, slices.DeleteFunc(given, func(s string) bool { return s == "" })...)
			}
		}
		switch {
		case len(v) > 1:
			return nil, invalid("%s is given more than once in the form; give it once", name)
		case len(v) == 1 && !utf8.ValidString(v[0]):
			return nil, invalid("%s is not valid UTF-8", name)
		case len(v) == 1:
			object[name] = v[0]
		}
	}
	return object, nil
}
