package declare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/nearest"
)

// Read reads a file of declarations. Relative paths of secrets begin in folder. Errors
// are CodeInvalid and name the line.
func Read(r io.Reader, folder string) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the file cannot be read")
	}
	if len(data) > MaxSize {
		return nil, invalid("the file is larger than %d MiB", MaxSize>>20)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, invalid("the file is empty; begin with name: and a name")
	case err != nil:
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the file is not YAML (%s)", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if !errors.Is(decoder.Decode(&second), io.EOF) {
		return nil, invalid("the file holds more than one YAML document; write all into one")
	}
	f := &File{folder: folder}
	if err := f.read(doc.Content[0]); err != nil {
		return nil, err
	}
	return f, f.check()
}

// fields are the keys that a mapping may have, with what reads their values.
type fields map[string]func(*yaml.Node) error

func (f *File) read(root *yaml.Node) error {
	return mapping(root, "the file", fields{
		"name":         text(&f.Name),
		"accounts":     list(&f.Accounts, "an account", accountFields),
		"keys":         list(&f.Keys, "a key", keyFields),
		"storages":     list(&f.Storages, "a storage", storageFields),
		"repositories": list(&f.Repositories, "a repository", repositoryFields),
		"users":        list(&f.Users, "a user", userFields),
		"rules":        list(&f.Rules, "a rule", ruleFields),
	})
}

func accountFields(a *Account) fields {
	return fields{
		"name": text(&a.Name), "id": id(&a.ID), "type": text(&a.Type), "method": text(&a.Method), "userName": text(&a.UserName),
		"settings": textsByName(&a.Settings), "secret": secretIn(&a.Secret), "secrets": secretsByName(&a.Secrets),
		"maxConnections": number(&a.MaxConnections), "limitDownloadKBs": number(&a.LimitDownloadKBs),
	}
}

func keyFields(k *Key) fields {
	return fields{"name": text(&k.Name), "id": id(&k.ID), "password": secretIn(&k.Password)}
}

func storageFields(s *Storage) fields {
	return fields{
		"name": text(&s.Name), "description": text(&s.Description), "account": text(&s.Account), "bucket": text(&s.Bucket),
		"folder": text(&s.Folder), "endpoint": text(&s.Endpoint), "region": text(&s.Region), "cloud": text(&s.Cloud),
		"address": text(&s.Address), "settings": textsByName(&s.Settings),
	}
}

func repositoryFields(r *Repository) fields {
	return fields{
		"name": text(&r.Name), "description": text(&r.Description), "path": text(&r.Path), "storage": text(&r.Storage), "key": text(&r.Key),
		"synchronization": synchronization(&r.Synchronization),
	}
}

func ruleFields(r *Rule) fields {
	return fields{
		"name": text(&r.Name), "repository": text(&r.Repository), "hostPattern": text(&r.HostPattern), "paths": texts(&r.Paths),
		"tag": text(&r.Tag), "maxAge": text(&r.MaxAge), "severity": text((*string)(&r.Severity)), "enabled": enabled(&r.Off),
	}
}

func userFields(u *User) fields {
	return fields{"name": text(&u.Name), "role": text((*string)(&u.Role)), "password": secretIn(&u.Password)}
}

// enabled reads true or false into its opposite.
func enabled(off *bool) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		var on bool
		if n.Tag != "!!bool" || n.Decode(&on) != nil {
			return at(n, "true or false is expected")
		}
		*off = !on
		return nil
	}
}

// texts reads a list of texts.
func texts(to *[]string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return at(n, "a list of texts is expected")
		}
		*to = make([]string, len(n.Content))
		for i, item := range n.Content {
			if err := text(&(*to)[i])(item); err != nil {
				return err
			}
		}
		return nil
	}
}

// synchronization reads a schedule. An interval takes the server's form, so that 90m and
// 1h30m are the same.
func synchronization(to *Synchronization) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		return mapping(n, "synchronization", fields{
			"enabled": enabled(&to.Off),
			"interval": func(n *yaml.Node) error {
				d, err := syncline.ParseInterval(n.Value)
				if err != nil {
					return at(n, "interval %s", syncline.MessageOf(err))
				}
				to.Interval = syncline.FormatInterval(d)
				return nil
			},
			"cron": text(&to.Cron), "timeZone": text(&to.TimeZone),
		})
	}
}

// at makes an error about a line of the file.
func at(n *yaml.Node, format string, args ...any) error {
	return invalid("line %d: %s", n.Line, fmt.Sprintf(format, args...))
}

// mapping reads a mapping with known keys. Aliases are refused, so that the values are
// no larger than the file.
func mapping(n *yaml.Node, what string, known fields) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "%s must have fields, such as name: example", what)
	}
	seen := make(map[string]bool, len(known))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read := known[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || read == nil:
			hint := "it has " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			if best := nearest.Of(key.Value, slices.Collect(maps.Keys(known))); best != "" {
				hint = "do you mean " + best + "?"
			}
			return at(key, "%s has no field %q; %s", what, clip.Text(key.Value, 60), hint)
		case seen[key.Value]:
			return at(key, "%s is given twice; give it once", key.Value)
		case value.Kind == yaml.AliasNode:
			return at(value, "%s is an alias; write the value itself", key.Value)
		}
		seen[key.Value] = true
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

// list reads a list of mappings.
func list[T any](to *[]T, what string, fieldsOf func(*T) fields) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Tag == "!!null" {
			return nil
		}
		if n.Kind != yaml.SequenceNode {
			return at(n, "this must be a list; begin each item with a dash")
		}
		*to = make([]T, len(n.Content))
		for i, item := range n.Content {
			if err := mapping(item, what, fieldsOf(&(*to)[i])); err != nil {
				return err
			}
		}
		return nil
	}
}

// text reads a text. A number is one, too: a bucket may be called 2024.
func text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return at(n, "a text is expected; leave the line out for none")
		}
		*to = n.Value
		return nil
	}
}

func number[T int | int64](to *T) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		v, err := strconv.ParseInt(n.Value, 10, 32)
		if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
			return at(n, "a whole number of 0 or more is expected")
		}
		*to = T(v)
		return nil
	}
}

func id(to *syncline.ID) func(*yaml.Node) error {
	return func(n *yaml.Node) (err error) {
		if *to, err = syncline.ParseID(n.Value); err != nil {
			return at(n, "an id is a UUID, as syncline export prints it")
		}
		return nil
	}
}

// secretIn reads where a secret is. A secret that stands in the file itself is refused.
func secretIn(to *Secret) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind == yaml.ScalarNode {
			return at(n, "a secret must not stand in the file; write {file: PATH} or {env: VARIABLE}")
		}
		if err := mapping(n, "a secret", fields{"file": text(&to.File), "env": text(&to.Env)}); err != nil {
			return err
		}
		if (to.File == "") == (to.Env == "") {
			return at(n, "a secret is in one place; write {file: PATH} or {env: VARIABLE}")
		}
		return nil
	}
}
