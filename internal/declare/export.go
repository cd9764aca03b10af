package declare

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// Export returns what a server has as a file of declarations. It holds what the file
// name manages or nobody does. A thing of nobody's that uses what another file declares is
// left out. With "" for the name it is that of the only manager, or "syncline".
func Export(ctx context.Context, c *client.Client, name string) ([]byte, error) {
	s, err := Load(ctx, c)
	if err != nil {
		return nil, err
	}
	if name, err = s.manager(name); err != nil {
		return nil, err
	}
	x := &exporter{State: s, name: name, variables: map[string]bool{}, labels: map[syncline.ID]string{}}
	return x.text()
}

// text is the file.
func (x *exporter) text() ([]byte, error) {
	doc := mappingNode("name", x.name)
	for _, part := range []struct {
		name  string
		items func() ([]*yaml.Node, error)
	}{
		{"accounts", x.accounts}, {"keys", x.keys}, {"storages", x.storages}, {"repositories", x.repositories}, {"rules", x.rules}, {"users", x.users},
	} {
		items, err := part.items()
		if err != nil {
			return nil, err
		}
		if len(items) > 0 {
			doc.Content = append(doc.Content, textNode(part.name), &yaml.Node{Kind: yaml.SequenceNode, Content: items})
		}
	}
	var out bytes.Buffer
	out.WriteString("# Printed by syncline export. Secrets never leave the server: set the variables, or\n" +
		"# leave a secret's line out to keep the one that the server has.\n")
	for _, thing := range x.left {
		fmt.Fprintf(&out, "# Left out, because it uses what another file declares: the %s\n", thing)
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(doc); err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "cannot write the file")
	}
	return out.Bytes(), nil
}

// manager chooses the name of the file.
func (s State) manager(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	found := map[string]bool{}
	for _, x := range s.Accounts {
		found[x.ManagedBy] = true
	}
	for _, x := range s.Keys {
		found[x.ManagedBy] = true
	}
	for _, x := range s.Storages {
		found[x.ManagedBy] = true
	}
	for _, x := range s.Repositories {
		found[x.ManagedBy] = true
	}
	for _, x := range s.Users {
		found[x.ManagedBy] = true
	}
	for _, x := range s.Rules {
		found[x.ManagedBy] = true
	}
	delete(found, "")
	switch len(found) {
	case 0:
		return "syncline", nil
	case 1:
		for only := range found {
			return only, nil
		}
	}
	return "", invalid("several files manage what the server has; choose one with --name")
}

// exporter turns what a server has into nodes.
type exporter struct {
	State
	name      string
	variables map[string]bool
	labels    map[syncline.ID]string // the file's names of accounts, keys and storages
	left      []string               // what the file cannot hold, and nobody manages
}

func (x *exporter) mine(by string) bool { return by == "" || by == x.name }

// label chooses the name of a thing that the server describes. Where the description is
// no name, or several have it, the name is made up, and the id is written beside it.
func (x *exporter) label(kind string, id syncline.ID, description string, all []string) (name string, byID bool) {
	count := 0
	for _, d := range all {
		if fold(d) == fold(description) {
			count++
		}
	}
	name, byID = description, !validName(description) || count > 1
	if byID {
		name = fmt.Sprintf("%s-%.8s", kind, id)
	}
	x.labels[id] = name
	return name, byID
}

// placeholder is the node of a secret in a variable that no other secret has. Its name
// does not begin with SYNCLINE_: serve refuses such variables that are no settings.
func (x *exporter) placeholder(kind, name string) *yaml.Node {
	base := "SECRET_" + strings.ToUpper(kind) + "_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	variable := base
	for n := 2; x.variables[variable]; n++ {
		variable = base + "_" + strconv.Itoa(n)
	}
	x.variables[variable] = true
	n := mappingNode("env", variable)
	n.Style = yaml.FlowStyle
	n.LineComment = "the server does not give it back"
	return n
}

func textNode(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	return n
}

// mappingNode makes a mapping of names and values. A value is a text, which is left out
// when it is empty, a number, likewise, or a node.
func mappingNode(pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		var value *yaml.Node // nil leaves the pair out
		switch v := pairs[i+1].(type) {
		case string:
			if v != "" {
				value = textNode(v)
			}
		case int64:
			if v != 0 {
				value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v, 10)}
			}
		case *yaml.Node: // nil, too
			value = v
		}
		if value != nil {
			m.Content = append(m.Content, textNode(pairs[i].(string)), value)
		}
	}
	return m
}

func (x *exporter) accounts() (items []*yaml.Node, err error) {
	var all []string
	for _, a := range x.Accounts {
		all = append(all, a.Description)
	}
	for _, a := range x.Accounts {
		if !x.mine(a.ManagedBy) {
			continue
		}
		name, byID := x.label(kindAccount, a.ID, a.Description, all)
		one, others := x.secretNodes(a, name)
		items = append(items, mappingNode("name", name, "id", idIf(byID, a.ID), "type", x.typeOf(a.Type), "method", a.Method, "userName", a.UserName,
			"settings", settingsNode(a.Settings), "secret", one, "secrets", others, "maxConnections", int64(a.MaxConnections), "limitDownloadKBs", a.LimitDownloadKBs))
	}
	return items, nil
}

func idIf(write bool, id syncline.ID) string {
	if write {
		return string(id)
	}
	return ""
}

func (x *exporter) keys() (items []*yaml.Node, err error) {
	var all []string
	for _, k := range x.Keys {
		all = append(all, k.Description)
	}
	for _, k := range x.Keys {
		if !x.mine(k.ManagedBy) {
			continue
		}
		name, byID := x.label(kindKey, k.ID, k.Description, all)
		items = append(items, mappingNode("name", name, "id", idIf(byID, k.ID), "password", x.placeholder("key", name)))
	}
	return items, nil
}

func (x *exporter) storages() (items []*yaml.Node, err error) {
	for _, s := range x.Storages {
		if !x.mine(s.ManagedBy) {
			continue
		}
		account, ok := x.labels[s.AccountID]
		if !ok {
			if err := x.leave(kindStorage, s.Name, s.ManagedBy, kindAccount); err != nil {
				return nil, err
			}
			continue
		}
		at := placeOf(s)
		x.labels[s.ID] = s.Name
		items = append(items, mappingNode("name", s.Name, "description", s.Description, "account", account, "bucket", at.bucket, "folder", at.folder,
			"endpoint", at.endpoint, "region", at.region, "cloud", strings.TrimPrefix(at.cloud, string(syncline.CloudGlobal)),
			"address", at.address, "settings", settingsNode(s.Settings)))
	}
	return items, nil
}

func (x *exporter) repositories() (items []*yaml.Node, err error) {
	for _, r := range x.Repositories {
		if !x.mine(r.ManagedBy) {
			continue
		}
		key, hasKey := x.labels[r.EncryptionKeyID]
		storage, hasStorage := x.labels[r.ObjectStorageID]
		if !hasKey || !hasStorage && r.ObjectStorageID != "" {
			uses := kindKey
			if hasKey {
				uses = kindStorage
			}
			if err := x.leave(kindRepository, r.Name, r.ManagedBy, uses); err != nil {
				return nil, err
			}
			continue
		}
		x.labels[r.ID] = r.Name
		items = append(items, mappingNode("name", r.Name, "description", r.Description, "path", r.Path, "storage", storage, "key", key, "synchronization", scheduleNode(r.Synchronization)))
	}
	return items, nil
}

// scheduleNode is the node of a schedule, nil for the server's own.
func scheduleNode(s client.Synchronization) *yaml.Node {
	m := mappingNode("interval", s.Interval, "cron", s.Cron, "timeZone", s.TimeZone)
	if !s.Enabled {
		m.Content = append([]*yaml.Node{textNode("enabled"), {Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}}, m.Content...)
	}
	if len(m.Content) == 0 {
		return nil
	}
	m.Style = yaml.FlowStyle
	return m
}

// leave leaves out a thing that uses a thing of another file. It fails when the file
// manages it.
func (x *exporter) leave(kind, name, by, uses string) error {
	if by != "" {
		return syncline.Errorf(syncline.CodeConflict, "the %s %q uses a %s that another file declares, so that this file cannot hold it; export that file with --name", kind, name, uses)
	}
	x.left = append(x.left, fmt.Sprintf("%s %q", kind, name))
	return nil
}

func (x *exporter) users() (items []*yaml.Node, err error) {
	list := slices.DeleteFunc(slices.Clone(x.Users), func(u client.User) bool { return !x.mine(u.ManagedBy) })
	for _, u := range list {
		items = append(items, mappingNode("name", u.Name, "role", string(u.Role), "password", x.placeholder("user", u.Name)))
	}
	return items, nil
}
