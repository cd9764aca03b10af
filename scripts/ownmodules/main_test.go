package main

import (
	"strings"
	"testing"
)

// The list loses the modules that are named, and nothing else. A module that is not in it is
// an error.
func TestFilter(t *testing.T) {
	const list = `{"bomFormat":"CycloneDX","components":[{"bom-ref":"1","name":"a","version":"1"},{"bom-ref":"2","name":"b"},{"bom-ref":"3","name":"b/v2"}],` +
		`"dependencies":[{"ref":"1","dependsOn":["2","3"]},{"ref":"2","dependsOn":["3"]},{"ref":"3"}],"version":1}`
	var out strings.Builder
	if err := filter(strings.NewReader(list), &out, []string{"b"}); err != nil {
		t.Fatal(err)
	}
	if want := strings.NewReplacer(`{"bom-ref":"2","name":"b"},`, "", `"2",`, "", `{"ref":"2","dependsOn":["3"]},`, "").Replace(list) + "\n"; out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	if err := filter(strings.NewReader(list), &out, []string{"c"}); err == nil {
		t.Error("a module that is not in the list is no error")
	}
}
