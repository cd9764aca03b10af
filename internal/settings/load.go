package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
)

// Sources are the places that values come from. A flag goes before a variable, and a
// variable before the file.
type Sources struct {
	File    string         // "" for none
	Environ []string       // as os.Environ returns it
	Flags   map[string]any // as Table.Given returns it
}

// Origins says of each setting where its value comes from: "default", the flag, the
// variable, or the file with the line.
type Origins map[string]string

// Faults are all that is wrong with the settings.
type Faults []error

// Error implements error.
func (f Faults) Error() string { return errors.Join(f...).Error() }

// Unwrap implements errors.Unwrap for several errors.
func (f Faults) Unwrap() []error { return f }

// layer is the values of one source, and where each stands.
type layer struct {
	values  map[string]any
	origins map[string]string
	faults  Faults
}

func newLayer() *layer {
	return &layer{values: make(map[string]any), origins: make(map[string]string)}
}

func (l *layer) refuse(format string, args ...any) {
	l.faults = append(l.faults, syncline.Errorf(syncline.CodeInvalid, format, args...))
}

func (l *layer) put(name, origin string, value any) {
	l.values[name], l.origins[name] = value, origin
}

// Load sets the values of the table from the sources, and checks them. The values
// that no source has, and those with a fault, stay as they are. All faults come back
// together, as Faults; each is CodeInvalid and says where it stands.
func (t Table) Load(from Sources) (Origins, error) {
	file, err := t.readFile(from.File)
	if err != nil {
		file = newLayer()
		file.faults = Faults{err}
	}
	layers := []*layer{file, t.readVariables(from.Environ), t.readFlags(from.Flags)}
	merged := koanf.New("/")
	origins := make(Origins)
	for i := range t {
		origins[t[i].Name] = "default"
	}
	var faults Faults
	for _, l := range layers {
		faults = append(faults, l.faults...)
		if err := merged.Load(confmap.Provider(l.values, ""), nil); err != nil {
			return nil, fmt.Errorf("merge the settings: %w", err)
		}
		for name, origin := range l.origins {
			origins[name] = origin
		}
	}
	for i := range t {
		if value := merged.Get(t[i].Name); value != nil {
			t[i].set(value)
		}
	}
	if len(faults) != 0 {
		return nil, faults
	}
	return origins, t.check(origins)
}

// LoadOnly sets the values of some settings from the sources, for a command that needs no
// others. It runs no checks. A file must have the right form in whole; of the variables,
// only those of the settings count.
func (t Table) LoadOnly(from Sources, names ...string) (Origins, error) {
	some := slices.DeleteFunc(slices.Clone(t), func(s Setting) bool { return !slices.Contains(names, s.Name) })
	file, err := t.readFile(from.File)
	if err != nil {
		return nil, err
	}
	var environ []string
	for _, line := range from.Environ {
		variable, _, _ := strings.Cut(line, "=")
		if slices.ContainsFunc(some, func(s Setting) bool { return s.Variable() == variable }) {
			environ = append(environ, line)
		}
	}
	origins, faults := make(Origins), Faults{}
	for _, l := range []*layer{file, some.readVariables(environ), some.readFlags(from.Flags)} {
		faults = append(faults, l.faults...)
		for name, value := range l.values {
			if s := some.find(name); s != nil {
				s.set(value)
				origins[name] = l.origins[name]
			}
		}
	}
	if len(faults) != 0 {
		return nil, faults
	}
	return origins, nil
}

// check runs the checks of all settings.
func (t Table) check(origins Origins) error {
	var faults Faults
	for i := range t {
		s := &t[i]
		if s.Check == nil {
			continue
		}
		if err := s.Check(); err != nil {
			faults = append(faults, syncline.WrapError(syncline.CodeOf(err), err, "%s: %s", label(s, origins[s.Name]), syncline.MessageOf(err)))
		}
	}
	if len(faults) != 0 {
		return faults
	}
	return nil
}

// label names a setting in a message, as the operator wrote it.
func label(s *Setting, origin string) string {
	switch origin {
	case "default":
		return "--" + s.Name
	case "--" + s.Name, s.Variable():
		return origin
	}
	return origin + ": " + s.Name
}

func (t Table) readFlags(given map[string]any) *layer {
	l := newLayer()
	for name, value := range given {
		if s := t.find(name); s.CheckFlag != nil {
			if err := s.CheckFlag(fmt.Sprint(value)); err != nil {
				l.refuse("--%s: %s", name, syncline.MessageOf(err))
				continue
			}
		}
		l.put(name, "--"+name, value)
	}
	return l
}

// others are the program's variables that are no settings of a server.
var others = []string{
	"CONFIG", "ADMIN_PASSWORD", "ADMIN_PASSWORD_FILE", "SERVER", "CACHE_DIR", "USER", "PASSWORD", "FINGERPRINT",
	"STATE_PASSPHRASE",
}

// foreign matches the variables that Kubernetes sets for a service of this name, and
// those of the project's own tests.
var foreign = regexp.MustCompile(`^(TEST_|(.*_)?SERVICE_(HOST|PORT(_.*)?)$|(.*_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$)`)

// readVariables reads the environment. An empty variable counts as absent.
func (t Table) readVariables(environ []string) *layer {
	l := newLayer()
	known := make(map[string]*Setting)
	for i := range t {
		known[t[i].Variable()] = &t[i]
	}
	for _, line := range environ {
		variable, text, _ := strings.Cut(line, "=")
		rest, ours := strings.CutPrefix(variable, prefix)
		if !ours || text == "" || slices.Contains(others, rest) || foreign.MatchString(rest) || strings.HasSuffix(rest, "PORT") && strings.Contains(text, "://") {
			continue
		}
		s := known[variable]
		if s == nil {
			var names []string
			for name, s := range known {
				if !s.Hidden {
					names = append(names, name)
				}
			}
			for _, other := range others {
				names = append(names, prefix+other)
			}
			l.refuse("the variable %s is no setting%s", clip.Text(variable, most), suggestion(variable, names))
			continue
		}
		value, err := s.parse(text)
		if err != nil {
			l.refuse("%s %v", variable, err)
			continue
		}
		l.put(s.Name, variable, value)
	}
	return l
}
