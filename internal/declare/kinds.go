package declare

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/secret"
)

// password is the name of the secret that a file may give as secret.
const password = "password"

// kindOfAccounts are the API's names of a kind.
type kindOfAccounts struct{ account, storage string }

// kindNamed returns the kind that a file names. Err says which there are.
func (s *State) kindNamed(a Account) (kindOfAccounts, error) {
	if k, ok := accountTypes[a.Type]; ok {
		return kindOfAccounts{k.account, k.storage}, nil
	}
	names := slices.Collect(maps.Keys(accountTypes))
	for _, k := range s.Kinds {
		if k.AddressExample == "" {
			continue // one of accountTypes
		}
		if k.Name == a.Type {
			return kindOfAccounts{k.AccountType, k.StorageType}, nil
		}
		names = append(names, k.Name)
	}
	slices.Sort(names)
	return kindOfAccounts{}, invalid("account %q: type must be one of %s", a.Name, strings.Join(names, ", "))
}

// typeOf returns the file's name of a kind of account.
func (s *State) typeOf(account string) string {
	for name, t := range accountTypes {
		if t.account == account {
			return name
		}
	}
	for _, k := range s.Kinds {
		if k.AccountType == account {
			return k.Name
		}
	}
	return account
}

// methodOf returns a way of signing in, "" for the first of its kind. It is nil for one that
// the server does not tell.
func (s *State) methodOf(account, name string) *client.StorageMethod {
	for _, k := range s.Kinds {
		if k.AccountType != account {
			continue
		}
		for i, m := range k.Methods {
			if m.Name == name || name == "" {
				return &k.Methods[i]
			}
		}
	}
	return nil
}

// methodName returns the whole name of a way of signing in.
func (s *State) methodName(account, name string) string {
	if m := s.methodOf(account, name); m != nil {
		return m.Name
	}
	return name
}

// secretNames are the names of the secrets of a method.
func (s *State) secretNames(account, method string) (names []string) {
	m := s.methodOf(account, method)
	if m == nil { // of a server that tells no kinds
		return []string{password}
	}
	for _, f := range m.Secrets {
		names = append(names, f.Name)
	}
	return names
}

// settingsOfAccount gives the settings of a file the names that the server has them by.
func (s *State) settingsOfAccount(account, method string, given map[string]string) map[string]string {
	if m := s.methodOf(account, method); m != nil {
		return withOwnNames(m.Settings, given)
	}
	return given
}

// settingsOfStorage is settingsOfAccount for a storage.
func (s *State) settingsOfStorage(storage string, given map[string]string) map[string]string {
	for _, k := range s.Kinds {
		if k.StorageType == storage {
			return withOwnNames(k.Settings, given)
		}
	}
	return given
}

// withOwnNames returns settings by the names of their fields, in which letter case does not
// count. Two that are one stay as they are, for the server to refuse.
func withOwnNames(fields []client.StorageField, given map[string]string) map[string]string {
	named := make(map[string]string, len(given))
	for name, value := range given {
		for _, f := range fields {
			if strings.EqualFold(f.Name, name) {
				name = f.Name
			}
		}
		if _, twice := named[name]; twice {
			return given
		}
		named[name] = value
	}
	return named
}

// settingFields are the differences of settings.
func settingFields(has, want map[string]string) (fields []Field) {
	for _, name := range slices.Sorted(maps.Keys(withNames(has, want))) {
		fields = append(fields, Field{"settings." + name, has[name], want[name]})
	}
	return differ(fields...)
}

// replacing returns settings as the API takes them for others that there are: those that
// are not wanted are empty.
func replacing(has, want map[string]string) map[string]string {
	all := withNames(has, want)
	maps.Copy(all, want)
	return all
}

// withNames returns the names of both, without values.
func withNames(a, b map[string]string) map[string]string {
	all := make(map[string]string, len(a)+len(b))
	for name := range a {
		all[name] = ""
	}
	for name := range b {
		all[name] = ""
	}
	return all
}

// secretsGiven are the secrets that the file names for an account.
func (a Account) secretsGiven() map[string]Secret {
	all := maps.Clone(a.Secrets)
	if a.Secret.given() {
		if all == nil {
			all = make(map[string]Secret)
		}
		all[password] = a.Secret
	}
	return all
}

// secretField names the field of a secret in the file.
func secretField(name string) string {
	if name == password {
		return "secret"
	}
	return "secrets." + name
}

// accountSecrets returns the fields of secrets that differ from those that the server keeps
// of the account has, nil for none, with the secrets to send. A new account needs those that
// its kind requires, which the server checks; a kind with buckets needs its only one here. All
// secrets are sent with other settings, which may lead to another host.
func (p *planner) accountSecrets(ctx context.Context, a Account, has *client.Account) (fields []Field, texts map[string]secret.String, err error) {
	given := a.secretsGiven()
	if _, old := accountTypes[a.Type]; len(given) == 0 && has == nil && old && a.Method == "" {
		given = map[string]Secret{password: {}}
	}
	texts = make(map[string]secret.String)
	again := has != nil && len(append(settingFields(has.Settings, a.Settings), differ(userName(has.UserName, a.UserName))...)) > 0
	for _, name := range slices.Sorted(maps.Keys(given)) {
		field := secretField(name)
		same := func(text string) (bool, error) {
			if name == password {
				return p.client.AccountHasSecret(ctx, has.ID, text)
			}
			return p.client.AccountHasSecrets(ctx, has.ID, map[string]string{name: text})
		}
		differs, text, err := p.secretField(fmt.Sprintf("account %q: %s", a.Name, field), field, given[name], has == nil, same)
		if err != nil {
			return nil, nil, err
		}
		if len(differs) == 0 && again && given[name].given() {
			if text, err = p.find(given[name], p.Options); err != nil {
				return nil, nil, err
			}
			texts[name] = text
		}
		if fields = append(fields, differs...); len(differs) > 0 {
			texts[name] = text
		}
	}
	return fields, texts, nil
}

// reveal returns secrets as the API takes them: the one with the name password on its own.
func reveal(texts map[string]secret.String) (one string, others map[string]string) {
	for name, text := range texts {
		if name == password {
			one = text.Reveal()
			continue
		}
		if others == nil {
			others = make(map[string]string)
		}
		others[name] = text.Reveal()
	}
	return one, others
}

// maxNames bounds the settings or secrets of one thing. The API takes fewer.
const maxNames = 100

// byName reads a mapping whose keys are the names of a kind's fields.
func byName[T any](to *map[string]T, what string, read func(*T) func(*yaml.Node) error) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.MappingNode || len(n.Content) > 2*maxNames {
			return at(n, "%s are names with values, such as {name: value}", what)
		}
		*to = make(map[string]T, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if _, twice := (*to)[key.Value]; twice || key.Kind != yaml.ScalarNode || key.Value == "" || value.Kind == yaml.AliasNode {
				return at(key, "%q in %s is given twice, or is an alias; write each one once", clip.Text(key.Value, 60), what)
			}
			var v T
			if err := read(&v)(value); err != nil {
				return err
			}
			(*to)[key.Value] = v
		}
		return nil
	}
}

func textsByName(to *map[string]string) func(*yaml.Node) error { return byName(to, "settings", text) }

func secretsByName(to *map[string]Secret) func(*yaml.Node) error {
	return byName(to, "secrets", secretIn)
}

// settingsNode is the node of settings, nil for none.
func settingsNode(settings map[string]string) *yaml.Node {
	if len(settings) == 0 {
		return nil
	}
	var pairs []any
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		pairs = append(pairs, name, settings[name])
	}
	return mappingNode(pairs...)
}

// secretNodes are the nodes of the secrets of an account: the one with the name password,
// and the others.
func (x *exporter) secretNodes(a client.Account, name string) (one, others *yaml.Node) {
	var pairs []any
	for _, s := range x.secretNames(a.Type, a.Method) {
		if s == password {
			one = x.placeholder("account", name)
			continue
		}
		pairs = append(pairs, s, x.placeholder("account", name+"_"+s))
	}
	if len(pairs) > 0 {
		others = mappingNode(pairs...)
	}
	return one, others
}

// kindsOf asks a server for its kinds. One of an earlier version tells none.
func kindsOf(ctx context.Context, c *client.Client) ([]client.StorageKind, error) {
	list, err := c.StorageKinds(ctx)
	if client.StatusOf(err) == 404 {
		return nil, nil
	}
	return list, err
}

// confirming adds to a message what the user confirms by a setting in the file.
func confirming(e *client.Error) string {
	message := e.Message
	for _, name := range slices.Sorted(maps.Keys(e.Confirm)) {
		message += fmt.Sprintf("; where it is right, declare it as settings: {%s: %q}", name, e.Confirm[name])
	}
	return message
}
