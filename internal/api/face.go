package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// face is one version of the API. The first one is v6's, whose handlers answer. Every
// other one is its parent with a table of differences. The same table makes the
// document, from which the router takes its checks, and the changes of bodies and
// answers.
type face struct {
	name   string
	parent *face // nil for v6
	table  faceTable
	doc    *openapi3.T
	asJSON []byte // the document

	tells     map[string]change // of the answer, by operation; in the parent's form before
	takes     map[string]change // of the body, by operation; in the parent's form after
	tellsType map[string]change // the same for a value of a type
	takesType map[string]change
}

// faceTable is what a version has otherwise than its parent.
type faceTable struct {
	types      map[string]typeChange // by the name in the document
	operations map[string]opChange   // by id
	added      []addedOperation
	schemas    map[string]string           // new types, in YAML
	words      []string                    // of the parent's document, each with its replacement
	failure    func(status int, o *object) // changes the body of a failure; nil for no change
}

// typeChange is what a type has otherwise.
type typeChange struct {
	drop     []string
	add      []addedField
	nullable bool                                     // null is a value, too
	tell     func(v *view, o *object) error           // changes other fields of an answer; nil for none
	take     func(v *view, body map[string]any) error // and of a body
}

// addedField is a field that the parent's type lacks.
type addedField struct {
	name   string
	after  string // the field that it follows in answers
	schema string // in YAML
	// tell returns the value in an answer, or leftOut; nil for a field that only clients
	// send.
	tell func(v *view, o *object) (any, error)
	// take changes the object of a body that has the field. It fails where the value
	// cannot be honoured. A nil take looks at nothing.
	take func(v *view, body map[string]any) error
}

// opChange is what an operation has otherwise.
type opChange struct {
	absent  bool
	without []string // parameters
	ask     []addedParameter
	status  int // in place of 200; 204 has no body
	page    *pageChange
	around  func(v *view, next func() error) error // does more than the handler; nil for no more
}

// pageChange puts a page around a list.
type pageChange struct {
	name  string // of its type in the document
	total bool   // it counts all
	asked bool   // the handler answers with the page that the question asks for
}

// addedParameter is a parameter that the parent's operation lacks.
type addedParameter struct {
	name, schema, description string
	// use puts the parameter into the question, or says what of the list stays. It fails
	// where the parameter cannot be honoured. A nil use is for one that changes nothing.
	use func(v *view, text string) error
}

// addedOperation is one that the parent lacks.
type addedOperation struct {
	method, path string // without the version
	id           string
	doc          string // in YAML
	as           string // the operation that answers; "" for answer
	answer       func(v *view) (any, error)
}

// facts are what an answer may need beside the one of v6.
type facts interface {
	installationID() (syncline.ID, error)
	// objectStorage returns an object storage in v6's form, nil for one that the request
	// does not see.
	objectStorage(id syncline.ID) (*object, error)
	// immutable tells whether an object storage keeps files; nil where that is not known.
	immutable(storage syncline.ID) (*bool, error)
}

// view is a request on its way through the face that was asked for.
type view struct {
	facts
	face  *face
	ctx   context.Context //nolint:containedctx // a request's, for the length of the request
	query url.Values
	href  string         // the operation's path, as v6's links have it
	body  map[string]any // nil for none
	links *linkBase

	nested     map[string]any       // the object storage in the body, in v6's form; nil for none
	repository *syncline.Repository // that the request changes, as it was; nil for none
	omitted    int                  // object storages that the answer leaves out

	empty bool                   // nothing matches a filter
	keeps []func(o *object) bool // filters over the list
	asks  []string               // the added parameters that the request has

	api     *api
	request *http.Request
	out     *response
}

// lineage returns the faces from v6 to this one, without v6's.
func (f *face) lineage() []*face {
	if f.parent == nil {
		return nil
	}
	return append(f.parent.lineage(), f)
}

// operation returns what the faces of the lineage change about an operation, oldest first.
func (f *face) operation(id string) (all []opChange) {
	for _, g := range f.lineage() {
		all = append(all, g.table.operations[id])
	}
	return all
}

// tellType gives an object of v6 the form of this face.
func (f *face) tellType(v *view, name string, o *object) error {
	for _, g := range f.lineage() {
		if err := g.tellsType[name].apply(v, o); err != nil {
			return err
		}
	}
	return nil
}

// takeType gives an object of the face's parent the form of v6.
func (f *face) takeType(v *view, name string, body map[string]any) error {
	for _, g := range slices.Backward(f.lineage()) {
		if err := g.takesType[name].apply(v, body); err != nil {
			return err
		}
	}
	return nil
}

// upTo returns the face of the lineage with the name.
func (f *face) upTo(name string) *face {
	for f.name != name {
		f = f.parent
	}
	return f
}

// firstFace is the version whose handlers answer.
const firstFace = "v6"

// laterFace is a version and what it has otherwise than the one before.
type laterFace struct {
	name  string
	table faceTable
}

// laterFaces are all but the first, oldest first.
func laterFaces() []laterFace { return []laterFace{{"v7", table7}, {"v8", table8}} }

// faceNames returns the names of all versions, oldest first.
func faceNames() []string {
	return append([]string{firstFace}, convert(laterFaces(), func(f laterFace) string { return f.name })...)
}

// loadFaces returns the faces, v6's first. They are made once for all handlers of the
// process.
var loadFaces = sync.OnceValues(makeFaces)

func makeFaces() ([]*face, error) {
	doc, err := v6.Load()
	if err != nil {
		return nil, err
	}
	asJSON, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal the OpenAPI document: %w", err)
	}
	all := []*face{{name: firstFace, doc: doc, asJSON: asJSON}}
	for _, next := range laterFaces() {
		f := &face{name: next.name, parent: all[len(all)-1], table: next.table}
		if err := f.derive(); err != nil {
			return nil, fmt.Errorf("make the document of %s: %w", f.name, err)
		}
		f.compileTakes()
		all = append(all, f)
	}
	return all, nil
}

// versionSegment matches the first segment of a path that asks for a version.
var versionSegment = regexp.MustCompile(`^[vV]([0-9]+)$`)

// firstSegment returns the first segment of a path.
func firstSegment(u *url.URL) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	return first
}
