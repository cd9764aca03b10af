// Package settings reads the settings of a program from one file, from the
// environment and from flags. A table says which settings there are, and flags,
// variables and the keys of the file follow from it. The package does not know what
// a setting is for.
package settings

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"syncline.dev/syncline/internal/clip"
)

// Setting is one setting.
type Setting struct {
	// Name is the name of the flag and the key in the file. The variable's name
	// follows from it.
	Name string
	// Value points to the value, which holds the default: *string, *bool, *int,
	// *time.Duration or *[]string.
	Value any
	// Help says in one line what the setting does, as pflag's usage: the kind of the
	// value stands in backquotes.
	Help string
	// Default says what the zero value stands for; "" where the value itself is the
	// default.
	Default string
	// Live settings change while the program runs. The others need a restart.
	Live bool
	// Hidden settings are in no help and on no page.
	Hidden bool
	// Secret values are not shown.
	Secret bool
	// Check looks at the values when all are read; nil for no check. Its error does
	// not name the setting.
	Check func() error
	// CheckFlag looks at a text that a flag gives, which every user of the machine can
	// read; nil for no check. The value stays as it is where it fails.
	CheckFlag func(text string) error
}

// Table has all settings of a program, bound to one set of values.
type Table []Setting

// prefix begins the names of all variables.
const prefix = "SYNCLINE_"

// Variable returns the name of the setting's variable.
func (s *Setting) Variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Kind returns the word for the setting's value, and the help without backquotes.
func (s *Setting) Kind() (kind, help string) {
	return pflag.UnquoteUsage(&pflag.Flag{Name: s.Name, Usage: s.Help, Value: boundFlag(s).Value})
}

// usage is the help of the setting's flag.
func (s *Setting) usage() string {
	_, list := s.Value.(*[]string)
	switch {
	case list && s.Default != "":
		return s.Help + " (can be given several times; default: " + s.Default + ")"
	case s.Default != "":
		return s.Help + " (default: " + s.Default + ")"
	}
	return s.Help
}

// boundFlag returns a flag that sets the value.
func boundFlag(s *Setting) *pflag.Flag {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	switch v := s.Value.(type) {
	case *string:
		f.StringVar(v, s.Name, *v, s.usage())
	case *bool:
		f.BoolVar(v, s.Name, *v, s.usage())
	case *int:
		f.IntVar(v, s.Name, *v, s.usage())
	case *time.Duration:
		f.DurationVar(v, s.Name, *v, s.usage())
	case *[]string:
		f.StringArrayVar(v, s.Name, *v, s.usage())
	default:
		panic(fmt.Sprintf("settings: %s has a value of type %T", s.Name, s.Value))
	}
	flag := f.Lookup(s.Name)
	flag.Hidden = s.Hidden
	return flag
}

// AddFlags adds a flag for each setting.
func (t Table) AddFlags(f *pflag.FlagSet) {
	for i := range t {
		f.AddFlag(boundFlag(&t[i]))
	}
}

// Given returns the values that flags have set. f has the flags of the same table.
func (t Table) Given(f *pflag.FlagSet) map[string]any {
	given := make(map[string]any)
	for i := range t {
		if f.Changed(t[i].Name) {
			given[t[i].Name] = reflect.ValueOf(t[i].Value).Elem().Interface()
		}
	}
	return given
}

// TakeLive takes the values of the Live settings from another table of the same
// program. It returns the names of the settings that it has changed, and of those
// that differ and are not Live.
func (t Table) TakeLive(other Table) (changed, restart []string) {
	for i := range t {
		own, new := reflect.ValueOf(t[i].Value).Elem(), reflect.ValueOf(other[i].Value).Elem()
		switch {
		case reflect.DeepEqual(own.Interface(), new.Interface()):
		case t[i].Live:
			own.Set(new)
			changed = append(changed, t[i].Name)
		default:
			restart = append(restart, t[i].Name)
		}
	}
	return changed, restart
}

// Text returns the value for people; "" for none, and where Default stands for it. A secret value is not told.
func (s *Setting) Text() string {
	v := reflect.ValueOf(s.Value).Elem()
	if s.Secret && !v.IsZero() {
		return "(secret)"
	}
	if s.Default != "" && v.IsZero() {
		return ""
	}
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}

// find returns the setting with a name, nil for none.
func (t Table) find(name string) *Setting {
	if i := slices.IndexFunc(t, func(s Setting) bool { return s.Name == name }); i >= 0 {
		return &t[i]
	}
	return nil
}

// set gives the setting a value that a source has returned.
func (s *Setting) set(value any) {
	reflect.ValueOf(s.Value).Elem().Set(reflect.ValueOf(value))
}

// parse reads the text of a variable, or of a scalar in the file.
func (s *Setting) parse(text string) (value any, err error) {
	switch s.Value.(type) {
	case *string:
		return text, nil
	case *bool:
		if text == "true" || text == "false" {
			return text == "true", nil
		}
		err = errors.New("must be true or false")
	case *int:
		if value, err = strconv.Atoi(text); err == nil {
			return value, nil
		}
		err = errors.New("must be a whole number")
	case *time.Duration:
		if value, err = time.ParseDuration(text); err == nil {
			return value, nil
		}
		err = errors.New("must be a duration, such as 90s, 15m or 1h30m")
	default:
		return splitList(text), nil
	}
	if !s.Secret {
		err = fmt.Errorf("%w, and is %s", err, strconv.Quote(clip.Text(text, most)))
	}
	return nil, err
}

// splitList reads the list in a variable. Commas separate its values.
func splitList(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// most bounds the texts of others in a message, in bytes.
const most = 60
