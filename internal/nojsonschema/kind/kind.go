// Package kind has the kinds of errors that kin-openapi asks for.
package kind

// Schema, Group and Reference are errors that group others.
type (
	Schema    struct{}
	Group     struct{}
	Reference struct{}
)

// KeywordPath returns nothing.
func (*Schema) KeywordPath() []string { return nil }

// KeywordPath returns nothing.
func (*Group) KeywordPath() []string { return nil }

// KeywordPath returns nothing.
func (*Reference) KeywordPath() []string { return nil }
