package documents_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// TestErrorsByMessage finds every message that docs/errors.md quotes among the texts of
// the program.
func TestErrorsByMessage(t *testing.T) {
	texts := strings.Join(programTexts(t), "\n")
	page := read(t, filepath.Join(root, "docs/errors.md"))
	quoted := 0
	for line := range strings.Lines(page) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[0], -1) {
			quoted++
			if !pattern(m[1]).MatchString(texts) {
				t.Errorf("docs/errors.md quotes a message that the program does not have: %s", m[1])
			}
		}
	}
	if quoted < 20 {
		t.Errorf("only %d messages were found on the page", quoted)
	}
}

// pattern matches the program's text for a message: where the message has an ellipsis,
// the text has a verb, or the message is put together of parts.
func pattern(message string) *regexp.Regexp {
	var parts []string
	for _, part := range strings.Split(message, "…") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return regexp.MustCompile(strings.Join(parts, `(%[a-z0-9]+|[^\n]{0,60}?)`))
}

// programTexts returns the string literals of the program, those joined by + as one.
func programTexts(t *testing.T) (texts []string) {
	for _, dir := range []string{"internal", "cmd", "resticrepo", "client"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if text, ok := literal(e); ok {
						texts = append(texts, text)
						return false
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, also := literal(e.Y)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}
