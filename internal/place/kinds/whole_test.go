package kinds

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

var (
	typeName  = regexp.MustCompile(`^[a-z][A-Za-z0-9]*Account$`)
	fieldName = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,63}$`)
)

// TestEveryKindIsWhole makes sure that every kind has all that commands, the API and the
// console ask of it.
func TestEveryKindIsWhole(t *testing.T) {
	all := All()
	schemes, stored := map[string]bool{}, map[string]bool{}
	for i, kind := range all {
		if kind.Scheme == "" || kind.Form == "" || kind.Parse == nil || kind.Print == nil || kind.Open == nil {
			t.Errorf("the kind %q lacks something", kind.Scheme)
		}
		if schemes[kind.Scheme] {
			t.Errorf("two kinds have the scheme %s", kind.Scheme)
		}
		schemes[kind.Scheme] = true
		if i > 0 && len(kind.Stored) > 0 && kind.Variables == nil && kind.Options == nil {
			t.Errorf("the kind %q is object storage in part", kind.Scheme)
		}
		for _, s := range kind.Stored {
			for _, name := range []string{string(s.Kind), s.AccountType, s.StorageType} {
				if name == "" || stored[name] {
					t.Errorf("%s: the name %q is empty or another kind's", kind.Scheme, name)
				}
				stored[name] = true
			}
			wholeStored(t, kind, s)
		}
	}
	for _, name := range []syncline.StorageKind{syncline.KindS3, syncline.KindS3Compatible, syncline.KindAzure, syncline.KindGCS} {
		if all.Stored(name) == nil {
			t.Errorf("the kind %s is gone", name)
		}
	}
}

func wholeStored(t *testing.T, kind *place.Kind, s place.Stored) {
	t.Helper()
	at := kind.Scheme + " as " + s.StorageType
	if !typeName.MatchString(s.AccountType) || !unicode.IsUpper(rune(s.StorageType[0])) || s.Title == "" || !sentence(s.Help) || len(s.Methods) == 0 {
		t.Errorf("%s: a name, a title, the help or the methods are not as they should be", at)
	}
	wholeFields(t, at, s.Fields)
	names := map[string]bool{}
	for _, m := range s.Methods {
		at := at + ", method " + m.Name
		if !fieldName.MatchString(m.Name) || names[m.Name] || m.Title == "" || !sentence(m.Help) {
			t.Errorf("%s: the name, the title or the help is not as it should be", at)
		}
		names[m.Name] = true
		if u := m.UserName; u.Title != "" {
			if u.Name != place.UserName {
				t.Errorf("%s: the user name has another name", at)
			}
			wholeFields(t, at, []place.Field{u})
		}
		wholeFields(t, at, m.Fields)
		wholeFields(t, at, m.Secrets)
	}
	if s.Example == "" {
		return // the API has fields for its places
	}
	there, err := All().ParseStored(s.Kind, s.Example)
	if err != nil {
		t.Errorf("%s: the example is no address: %v", at, err)
		return
	}
	if again := All().Address(place.Place{Storage: there}); again != s.Example {
		t.Errorf("%s: the example %s is told as %s", at, s.Example, again)
	}
	p := place.Place{Storage: there}
	if !All().Same(p, p) {
		t.Errorf("%s: a place is another one than itself", at)
	}
}

func wholeFields(t *testing.T, at string, fields []place.Field) {
	t.Helper()
	names := map[string]bool{}
	for _, f := range fields {
		if key := strings.ToLower(f.Name); !fieldName.MatchString(f.Name) || names[key] {
			t.Errorf("%s: the field %q has no proper name of its own", at, f.Name)
		} else {
			names[key] = true
		}
		if f.Title == "" || f.Help == "" || strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: the field %s has no title, or a help that does not go on after \"give\"", at, f.Name)
		}
		if f.Check == nil {
			continue
		}
		const odd = "hunter2 \x00"
		if err := f.Check(odd); err != nil && (strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "must ")) {
			t.Errorf("%s: the check of %s says %q", at, f.Name, err)
		}
		if f.Example != "" && f.Check(f.Example) != nil {
			t.Errorf("%s: the example of %s is refused", at, f.Name)
		}
	}
}

func sentence(s string) bool { return strings.HasSuffix(s, ".") && unicode.IsUpper([]rune(s)[0]) }
