// Package v6 holds the REST contract in a form that programs can use: the
// OpenAPI document, and the Go types and the server interface generated from
// it. The document is the source; change it and run go generate.
//
// It knows nothing of what answers the requests.
package v6

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:generate ../../../scripts/tool.sh oapi-codegen -config oapi-codegen.yaml openapi.yaml

//go:embed openapi.yaml
var document []byte

// Document returns the OpenAPI document as it is served: YAML, in UTF-8. The
// caller gets its own copy.
func Document() []byte { return append([]byte(nil), document...) }

// Load parses and checks the document. Every caller gets the same one, which
// is not to be changed.
func Load() (*openapi3.T, error) { return loaded() }

var loaded = sync.OnceValues(func() (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("parse the OpenAPI document: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("check the OpenAPI document: %w", err)
	}
	return doc, nil
})
