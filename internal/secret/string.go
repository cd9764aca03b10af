package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// String is a secret text that does not get into logs, error messages or
// responses by accident: fmt, log/slog and encoding/json show "[redacted]" in
// its place. Only Reveal returns the text. The zero value is the empty text.
type String struct {
	// A pointer, because fmt shows the fields of a struct in another struct's
	// unexported field without calling its methods.
	text *string
}

// NewString returns text as a String.
func NewString(text string) String { return String{text: &text} }

// Reveal returns the text itself.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsEmpty reports whether the text is empty.
func (s String) IsEmpty() bool { return s.Reveal() == "" }

// String returns "[redacted]".
func (s String) String() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON and other encodings.
func (s String) MarshalText() ([]byte, error) { return []byte(redacted), nil }
