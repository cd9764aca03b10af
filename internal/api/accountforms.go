package api

import (
	"maps"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/secret"
)

// accountTypes lists the types of accounts.
func (h *accounts) accountTypes() string {
	var names []string
	for _, s := range h.kinds.AllStored() {
		names = append(names, s.AccountType)
	}
	return strings.Join(names, ", ")
}

// accountType returns the type of the accounts of a kind, which a later version may have
// recorded.
func (h *accounts) accountType(kind syncline.StorageKind) string {
	if s := h.kinds.Stored(kind); s != nil {
		return s.AccountType
	}
	return string(kind)
}

// merge takes over what a body sets of an account of a kind. Settings and secrets of
// another method than before are dropped.
func (h *accounts) merge(by *place.Access, kind *place.Stored, b *v6.CredentialToSend) error {
	a := &by.Account
	if b.Method != nil && *b.Method != "" {
		m := kind.Method(*b.Method)
		switch {
		case m == nil:
			return invalid("method must be one of %s", strings.Join(kind.MethodNames(), ", "))
		case m != kind.Method(a.Method):
			a.Settings, by.Secrets = nil, nil
			if m.UserName.Title == "" {
				a.UserName = ""
			}
		}
		a.Method = m.Name
		if m == kind.Method("") {
			a.Method = ""
		}
	}
	m := kind.Method(a.Method)
	set(&a.UserName, b.UserName)
	setLimits(&a.Limits, b)
	var err error
	if a.Settings, err = mergeSettings(a.Settings, m.Fields, b.Settings); err != nil {
		return err
	}
	sent := deref(b.Secrets)
	for _, password := range []*string{b.Password, b.NewPassword} {
		if password == nil {
			continue
		}
		if place.FieldNamed(m.Secrets, place.Password) == nil {
			return invalid("password cannot be honoured: the method %s has no secret of this name", m.Name)
		}
		if other, twice := sent[place.Password]; twice && other != *password {
			return invalid("password and secrets.password differ; send the secret as one of them")
		}
		sent = withText(sent, place.Password, *password)
	}
	return mergeSecrets(by, m, sent)
}

// withText returns a map with one more text.
func withText(m map[string]string, name, text string) map[string]string {
	more := maps.Clone(m)
	if more == nil {
		more = make(map[string]string)
	}
	more[name] = text
	return more
}

// mergeSettings returns settings with those that a body sets. An empty one takes its
// setting away. Names match without regard to letter case, as all names of fields do.
func mergeSettings(settings map[string]string, fields []place.Field, sent *map[string]string) (map[string]string, error) {
	merged, seen := maps.Clone(settings), make(map[string]bool)
	if merged == nil {
		merged = make(map[string]string)
	}
	for name, text := range deref(sent) {
		if f := place.FieldNamed(fields, name); f != nil {
			name = f.Name
		} else if _, kept := settings[name]; !kept { // by a later version
			return nil, place.NoSetting(fields, name)
		}
		if seen[name] {
			return nil, invalid("settings.%s is given more than once in the body; give it once", name)
		}
		seen[name], merged[name] = true, text
		if text == "" {
			delete(merged, name)
		}
	}
	if len(merged) == 0 {
		return nil, nil
	}
	return merged, nil
}

// mergeSecrets takes over the secrets that a body sets. An empty one is taken away.
func mergeSecrets(by *place.Access, m *place.Method, sent map[string]string) error {
	merged, seen := maps.Clone(by.Secrets), make(map[string]bool)
	if merged == nil {
		merged = make(map[string]secret.String)
	}
	for name, text := range sent {
		f := place.FieldNamed(m.Secrets, name)
		if f == nil {
			return place.NoSecret(m, name)
		}
		if seen[f.Name] {
			return invalid("%s is given more than once in the body; give it once", place.SecretPath(f.Name))
		}
		seen[f.Name] = true
		if merged[f.Name] = secret.NewString(text); text == "" {
			delete(merged, f.Name)
		}
	}
	by.Secrets = merged
	return nil
}

func sameSecret(a, b secret.String) bool { return a.Reveal() == b.Reveal() }

// kb is the unit of an account's bandwidth in v6.
const kb = 1024

// setLimits takes over the limits that a body sets; 0 takes one away.
func setLimits(l *syncline.Limits, b *v6.CredentialToSend) {
	if b.MaxConnections != nil {
		l.Connections = int(*b.MaxConnections)
	}
	if b.LimitDownloadKBs != nil {
		l.BytesPerSecond = *b.LimitDownloadKBs * kb
	}
}

// json is an account in v6's form. It leaves out what v6 lacks where it is not set: no
// method stands for the first of a kind, which is v6's way of signing in to its kinds.
func (h *accounts) json(x syncline.Account) v6.Credential {
	answer := v6.Credential{
		AccountType: h.accountType(x.Kind), UserName: x.UserName, ID: x.ID, Description: x.Description, ManagedBy: present(x.ManagedBy),
		Method: present(x.Method), Links: v6.SelfLinks{Self: accountLink(x.ID)},
	}
	if len(x.Settings) > 0 {
		answer.Settings = &x.Settings
	}
	if n := int32(x.Limits.Connections); n > 0 {
		answer.MaxConnections = &n
	}
	if n := x.Limits.BytesPerSecond / kb; n > 0 {
		answer.LimitDownloadKBs = &n
	}
	return answer
}

func accountLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/Accounts/" + string(id)} }
