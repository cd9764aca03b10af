package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// badName finds an initialism that Go does not write so, and the API's words for
// its forms of a request.
var badName = regexp.MustCompile(`(Id|Url|Uri|Uid|Gid|Usn|Uuid|Json|Http|Https|Api|Tls|Html|Href|Ip)($|s$|[A-Z0-9])|FromClient|ToSend|ToReceive|Composed|(Aws|Schema)$`)

// The exported API is written by hand: no file is generated, nothing comes from
// inside the program, and the names are Go's.
func TestExportedNames(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(kind string, names ...*ast.Ident) {
		for _, name := range names {
			if !name.IsExported() {
				continue
			}
			seen++
			if found := badName.FindString(name.Name); found != "" {
				t.Errorf("the %s %s has %q in its name", kind, name.Name, found)
			}
		}
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(file) {
			t.Errorf("%s is generated", path)
		}
		for _, from := range file.Imports {
			if strings.Contains(from.Path.Value, "/internal/") {
				t.Errorf("%s imports %s, of which the package's users can name nothing", path, from.Path.Value)
			}
		}
		for _, x := range file.Decls {
			exportedNames(x, check)
		}
	}
	if seen < 300 {
		t.Errorf("only %d names were looked at", seen)
	}
	for bad, want := range map[string]bool{"Id": true, "AccountId": true, "Ids": true, "Identity": false, "Uid": true, "GoogleFolderToReceive": true, "ID": false, "UrlPath": true} {
		if badName.MatchString(bad) != want {
			t.Errorf("%s is taken for a bad name: %v", bad, !want)
		}
	}
}

// exportedNames tells of the names of a declaration, with those of its fields and
// methods.
func exportedNames(x ast.Decl, check func(kind string, names ...*ast.Ident)) {
	if f, ok := x.(*ast.FuncDecl); ok {
		check("function", f.Name)
		return
	}
	for _, spec := range x.(*ast.GenDecl).Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			check("constant or variable", spec.Names...)
		case *ast.TypeSpec:
			check("type", spec.Name)
			if !spec.Name.IsExported() {
				continue
			}
			ast.Inspect(spec.Type, func(n ast.Node) bool {
				if field, ok := n.(*ast.Field); ok {
					check("field of "+spec.Name.Name, field.Names...)
				}
				return true
			})
		}
	}
}
