package pattern

import (
	"strings"
	"testing"
)

func BenchmarkMatch(b *testing.B) {
	for name, text := range map[string]string{
		"plain":        "*.go",
		"path":         "/home/*/src/**/*.go",
		"3 KB of **":   strings.Repeat("**/", 1000) + "x",
		"3 KB of **/a": strings.Repeat("**/a/", 600) + "x",
	} {
		b.Run(name, func(b *testing.B) {
			p := mustParse(b, text, false)
			for b.Loop() {
				p.Match("/home/a/src/a/b/c/a/a/main.go")
			}
		})
	}
}
