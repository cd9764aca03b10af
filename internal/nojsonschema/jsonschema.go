// Package jsonschema stands in for the library of that name, which kin-openapi imports for
// documents of OpenAPI 3.1. Syncline's documents are OpenAPI 3.0, which kin-openapi checks
// itself. The library compiles all drafts of JSON Schema when a program starts, and that is a
// third of the time of a short command (docs/benchmarks.md).
//
// It has the names that kin-openapi uses. No schema compiles.
package jsonschema

import "errors"

// ErrLeftOut is the error of every compilation.
var ErrLeftOut = errors.New("JSON Schema is left out of this program")

// Draft2020 is the draft of OpenAPI 3.1.
var Draft2020 = new(Draft)

// Draft is a draft of JSON Schema.
type Draft struct{}

// Compiler compiles nothing.
type Compiler struct{}

// NewCompiler returns a compiler.
func NewCompiler() *Compiler { return new(Compiler) }

// DefaultDraft does nothing.
func (*Compiler) DefaultDraft(*Draft) {}

// AssertFormat does nothing.
func (*Compiler) AssertFormat() {}

// RegisterFormat does nothing.
func (*Compiler) RegisterFormat(*Format) {}

// AddResource does nothing; Compile fails later.
func (*Compiler) AddResource(string, any) error { return nil }

// Compile fails with ErrLeftOut.
func (*Compiler) Compile(string) (*Schema, error) { return nil, ErrLeftOut }

// Format is a format of strings.
type Format struct {
	Name     string
	Validate func(any) error
}

// Schema is a compiled schema. There is none.
type Schema struct{}

// Validate fails with ErrLeftOut.
func (*Schema) Validate(any) error { return ErrLeftOut }

// ErrorKind is a reason why a value does not fit a schema.
type ErrorKind interface {
	KeywordPath() []string
}

// ValidationError says why a value does not fit a schema. Nothing returns it.
type ValidationError struct {
	SchemaURL        string
	InstanceLocation []string
	ErrorKind        ErrorKind
	Causes           []*ValidationError
}

func (*ValidationError) Error() string { return ErrLeftOut.Error() }
