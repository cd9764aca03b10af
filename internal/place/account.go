package place

import (
	"encoding/json"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/secret"
)

// Access returns an account with the secrets in a text that Keep has made.
func (k Kinds) Access(a syncline.Account, kept []byte) (Access, error) {
	by := Access{Account: a}
	m, err := k.methodOf(a)
	if err != nil || len(m.Secrets) == 0 {
		return by, err
	}
	texts := map[string]string{m.Secrets[0].Name: string(kept)}
	if len(m.Secrets) > 1 {
		clear(texts)
		if err := json.Unmarshal(kept, &texts); err != nil {
			return by, syncline.Errorf(syncline.CodeInternal, "the secrets of the account %s cannot be read; give the account its secrets again", a.ID)
		}
	}
	by.Secrets = make(map[string]secret.String, len(texts))
	for name, text := range texts {
		if text != "" {
			by.Secrets[name] = secret.NewString(text)
		}
	}
	return by, nil
}

// Keep returns the secrets of an account as one text, which is to be sealed.
func (k Kinds) Keep(a Access) ([]byte, error) {
	m, err := k.methodOf(a.Account)
	if err != nil || len(m.Secrets) == 0 {
		return []byte{}, err
	}
	if len(m.Secrets) == 1 {
		return []byte(a.Secrets[m.Secrets[0].Name].Reveal()), nil
	}
	texts := make(map[string]string, len(a.Secrets))
	for name, s := range a.Secrets {
		texts[name] = s.Reveal()
	}
	return json.Marshal(texts)
}

func (k Kinds) methodOf(a syncline.Account) (*Method, error) {
	s := k.Stored(a.Kind)
	if s == nil {
		return nil, syncline.Errorf(syncline.CodeUnsupported, "this version knows no object storage of the kind %q; install a later one", a.Kind)
	}
	if m := s.Method(a.Method); m != nil {
		return m, nil
	}
	return nil, syncline.Errorf(syncline.CodeUnsupported, "this version knows no way %q of signing in to %s; install a later one", a.Method, s.Title)
}

// CheckAccount checks an account and its secrets against the fields of its kind. Its
// errors are CodeInvalid and name the field as the API does.
func (k Kinds) CheckAccount(a Access) error {
	m, err := k.methodOf(a.Account)
	if err != nil {
		return err
	}
	user := m.UserName
	switch name := a.Account.UserName; {
	case user.Title == "" && name != "":
		return invalid("userName cannot be honoured: the method %s has no user name", m.Name)
	case user.Title != "":
		if err := user.check(UserName, name); err != nil {
			return err
		}
	}
	if err := CheckSettings(m.Fields, a.Account.Settings); err != nil {
		return err
	}
	for _, f := range m.Secrets {
		if err := f.checkSecret(a.Secrets[f.Name].Reveal()); err != nil {
			return err
		}
	}
	for name := range a.Secrets {
		if FieldNamed(m.Secrets, name) == nil {
			return NoSecret(m, name)
		}
	}
	return nil
}

// NoSecret is the error for a secret that a way of signing in does not have.
func NoSecret(m *Method, name string) error {
	if len(m.Secrets) == 0 {
		return invalid("%s cannot be honoured: the method %s has no secrets", SecretPath(name), m.Name)
	}
	return invalid("%s cannot be honoured: the secrets of the method %s are %s", SecretPath(name), m.Name, paths(m.Secrets, SecretPath))
}

// NoSetting is the error for a setting that is none of the fields.
func NoSetting(fields []Field, name string) error {
	if len(fields) == 0 {
		return invalid("%s is not known here: there are no settings", settingPath(name))
	}
	return invalid("%s is not known here: the settings are %s", settingPath(name), paths(fields, settingPath))
}

func paths(fields []Field, path func(name string) string) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = path(f.Name)
	}
	return strings.Join(texts, ", ")
}

// CheckSettings checks settings against the fields that there are.
func CheckSettings(fields []Field, settings map[string]string) error {
	for name := range settings {
		if FieldNamed(fields, name) == nil {
			return NoSetting(fields, name)
		}
	}
	for _, f := range fields {
		if err := f.check(settingPath(f.Name), settings[f.Name]); err != nil {
			return err
		}
	}
	return nil
}

func settingPath(name string) string { return "settings." + clip(name) }

// SecretPath names a secret as the API takes it.
func SecretPath(name string) string {
	if name == Password {
		return name
	}
	return "secrets." + clip(name)
}

func (f Field) checkSecret(value string) error {
	path := SecretPath(f.Name)
	if value == "" {
		return f.missing(path)
	}
	return f.checkValue(path, value)
}

func (f Field) missing(path string) error {
	if f.Required {
		return invalid("%s is required; give %s", path, f.Help)
	}
	return nil
}

// check checks a value that is told.
func (f Field) check(path, value string) error {
	if value == "" {
		return f.missing(path)
	}
	odd := func(r rune) bool {
		return (r < ' ' || r == 0x7f) && (!f.Multiline || !strings.ContainsRune("\r\n\t", r))
	}
	if strings.IndexFunc(value, odd) >= 0 || !f.Multiline && strings.TrimSpace(value) != value {
		return invalid("%s must not be empty, begin or end with a space or hold control characters", path)
	}
	return f.checkValue(path, value)
}

func (f Field) checkValue(path, value string) error {
	if len(f.Choices) > 0 && !slices.Contains(f.Choices, value) {
		return invalid("%s must be one of %s", path, strings.Join(f.Choices, ", "))
	}
	if f.Check == nil {
		return nil
	}
	if err := f.Check(value); err != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "%s %s", path, err.Error())
	}
	return nil
}
