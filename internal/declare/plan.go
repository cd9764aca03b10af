package declare

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/secret"
)

// Action is what a step does to a thing.
type Action string

// The actions.
const (
	Add    Action = "+"
	Change Action = "~"
	Remove Action = "-"
)

// Field is a field that a step sets. A secret has no Old, and its New says where it
// comes from.
type Field struct{ Name, Old, New string }

// Step is a change of one thing.
type Step struct {
	Action Action
	Kind   string // such as "repository"
	Name   string
	Fields []Field

	needs []ref // what must be there first
	do    func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error
}

func (s Step) ref() ref { return ref{s.Kind, fold(s.Name)} }

// ref names a declared thing.
type ref struct{ kind, name string }

// The kinds of things.
const (
	kindAccount    = "account"
	kindKey        = "key"
	kindStorage    = "storage"
	kindRepository = "repository"
	kindUser       = "user"
	kindRule       = "alarm rule"
)

// Plan is the way from a server's state to a file's.
type Plan struct {
	Steps []Step
	// Left are the things that the file managed, does not declare any more, and are not
	// removed without Prune.
	Left []Step

	ids map[ref]syncline.ID // of what the server has
}

// Options say how a plan is made.
type Options struct {
	Prune bool
	// Getenv returns a variable, and ReadFile the text in a file, without the white space
	// around it.
	Getenv   func(string) string
	ReadFile func(path string) (string, error)
	// Address gives an address the form in which a server writes it. A text that is no
	// address stays. Nil leaves all as they are.
	Address func(string) string
	// Self is the name of the user who applies the file: a change of that user comes
	// last, because it ends the sign-in.
	Self string
}

// planner makes a plan.
type planner struct {
	*File
	Options
	state    State
	client   *client.Client // asked whether secrets are the same
	plan     *Plan
	declared map[syncline.ID]bool // what the server has of it
	users    map[string]bool
}

// Make compares a file with a server. It changes nothing.
func Make(ctx context.Context, f *File, c *client.Client, o Options) (*Plan, error) {
	state, err := Load(ctx, c)
	if err != nil {
		return nil, err
	}
	p := &planner{
		File: f, Options: o, state: state, client: c,
		plan: &Plan{ids: map[ref]syncline.ID{}}, declared: map[syncline.ID]bool{}, users: map[string]bool{},
	}
	for _, part := range []func(context.Context) error{p.accounts, p.keys, p.storages, p.repositories, p.rules, p.userSteps} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	p.removals()
	self := ref{kindUser, fold(o.Self)}
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int {
		return btoi(a.ref() == self) - btoi(b.ref() == self)
	})
	return p.plan, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// differ returns the fields whose values differ.
func differ(all ...Field) []Field {
	return slices.DeleteFunc(all, func(f Field) bool { return f.Old == f.New })
}

// taken is the field of a thing that the file takes over.
func (p *planner) taken(by string) Field { return Field{"managedBy", by, p.Name} }

// add appends a step for what has fields to set.
func (p *planner) add(s Step) {
	if s.Action == Change && len(s.Fields) == 0 {
		return
	}
	p.plan.Steps = append(p.plan.Steps, s)
}

// secretField returns the field of a secret that differs from the kept one, with the
// secret. A secret that the file leaves out is kept; a new thing needs one.
func (p *planner) secretField(what, name string, s Secret, isNew bool, same func(text string) (bool, error)) (fields []Field, text secret.String, err error) {
	if !s.given() {
		if isNew {
			return nil, text, invalid("%s is missing; the server has no such thing yet, and needs it to add one: write {file: PATH} or {env: VARIABLE}", what)
		}
		return nil, text, nil
	}
	if text, err = p.find(s, p.Options); err != nil {
		return nil, text, syncline.WrapError(syncline.CodeOf(err), err, "%s: %s", what, syncline.MessageOf(err))
	}
	if !isNew {
		is, err := same(text.Reveal())
		if err != nil {
			return nil, text, err
		}
		if is {
			return nil, secret.String{}, nil
		}
	}
	return []Field{{name, "", s.String()}}, text, nil
}

func (p *planner) accounts(ctx context.Context) error {
	for _, a := range p.Accounts {
		has, err := find(kindAccount, p.Name, a.ID, a.Name, p.state.Accounts, func(x client.Account) (syncline.ID, string, string) { return x.ID, x.Description, x.ManagedBy })
		if err != nil {
			return err
		}
		kind, err := p.state.kindNamed(a)
		if err != nil {
			return err
		}
		if has != nil && has.Type != kind.account {
			return invalid("account %q: its type is %s and cannot change; declare another account", a.Name, p.state.typeOf(has.Type))
		}
		a.Settings = p.state.settingsOfAccount(kind.account, a.Method, a.Settings)
		keeps := has // another method drops the settings and secrets of the one before
		if has != nil && p.state.methodName(has.Type, has.Method) != p.state.methodName(has.Type, a.Method) {
			keeps = nil
		}
		fields, texts, err := p.accountSecrets(ctx, a, keeps)
		if err != nil {
			return err
		}
		if has == nil {
			p.add(a.added(kind.account, fields, texts))
			continue
		}
		p.declared[has.ID], p.plan.ids[ref{kindAccount, fold(a.Name)}] = true, has.ID
		a.Method = p.state.methodName(has.Type, a.Method)
		settings := a.Settings
		if keeps != nil {
			settings = replacing(has.Settings, a.Settings)
		}
		p.add(a.changed(has.ID, settings, append(differ(
			p.taken(has.ManagedBy), Field{"method", p.state.methodName(has.Type, has.Method), a.Method},
			userName(has.UserName, a.UserName), describe(a.ID, has.Description, a.Name),
			Field{"maxConnections", strconv.Itoa(has.MaxConnections), strconv.Itoa(a.MaxConnections)},
			Field{"limitDownloadKBs", strconv.FormatInt(has.LimitDownloadKBs, 10), strconv.FormatInt(a.LimitDownloadKBs, 10)},
		), append(settingFields(has.Settings, a.Settings), fields...)...), texts))
	}
	return nil
}

// userName is the field of a user name. One that the file leaves out is kept, because only
// another method takes it away.
func userName(has, want string) Field {
	if want == "" {
		return Field{}
	}
	return Field{"userName", has, want}
}

// describe is the description of a thing that is called by it. One that is found by its
// id keeps the description that it has.
func describe(id syncline.ID, has, name string) Field {
	if id != "" {
		return Field{}
	}
	return Field{"description", has, name}
}

func (a Account) added(accountType string, secretFields []Field, texts map[string]secret.String) Step {
	fields := differ(Field{"type", "", a.Type}, Field{"method", "", a.Method}, Field{"userName", "", a.UserName}, limit("maxConnections", int64(a.MaxConnections)), limit("limitDownloadKBs", a.LimitDownloadKBs))
	fields = slices.Concat(fields, settingFields(nil, a.Settings), secretFields)
	return Step{Action: Add, Kind: kindAccount, Name: a.Name, Fields: fields, do: func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
		one, others := reveal(texts)
		made, err := c.AddAccount(ctx, client.NewAccount{
			Type: accountType, Method: a.Method, UserName: a.UserName, Settings: a.Settings, Secret: one, Secrets: others, Description: a.Name,
			MaxConnections: a.MaxConnections, LimitDownloadKBs: a.LimitDownloadKBs,
		})
		ids[ref{kindAccount, fold(a.Name)}] = made.ID
		return err
	}}
}

func limit(name string, n int64) Field {
	if n == 0 {
		return Field{}
	}
	return Field{name, "", strconv.FormatInt(n, 10)}
}

func (a Account) changed(id syncline.ID, settings map[string]string, fields []Field, texts map[string]secret.String) Step {
	return Step{Action: Change, Kind: kindAccount, Name: a.Name, Fields: fields, do: func(ctx context.Context, c *client.Client, _ map[ref]syncline.ID) error {
		one, others := reveal(texts)
		change := client.AccountChange{Method: a.Method, UserName: a.UserName, Settings: settings, Secret: one, Secrets: others, MaxConnections: &a.MaxConnections, LimitDownloadKBs: &a.LimitDownloadKBs}
		if a.ID == "" {
			change.Description = &a.Name
		}
		return c.ChangeAccount(ctx, id, change)
	}}
}

func (p *planner) keys(ctx context.Context) error {
	for _, k := range p.Keys {
		has, err := find(kindKey, p.Name, k.ID, k.Name, p.state.Keys, func(x client.EncryptionKey) (syncline.ID, string, string) { return x.ID, x.Description, x.ManagedBy })
		if err != nil {
			return err
		}
		what := fmt.Sprintf("key %q: password", k.Name)
		fields, text, err := p.secretField(what, "password", k.Password, has == nil, func(text string) (bool, error) { return p.client.KeyHasPassword(ctx, has.ID, text) })
		if err != nil {
			return err
		}
		name := ref{kindKey, fold(k.Name)}
		if has == nil {
			p.add(Step{Action: Add, Kind: kindKey, Name: k.Name, Fields: fields, do: func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
				made, err := c.AddEncryptionKey(ctx, text.Reveal(), k.Name)
				ids[name] = made.ID
				return err
			}})
			continue
		}
		p.declared[has.ID], p.plan.ids[name] = true, has.ID
		fields = append(differ(p.taken(has.ManagedBy), describe(k.ID, has.Description, k.Name)), fields...)
		p.add(Step{Action: Change, Kind: kindKey, Name: k.Name, Fields: fields, do: func(ctx context.Context, c *client.Client, _ map[ref]syncline.ID) error {
			change := client.KeyChange{NewPassword: text.Reveal()}
			if k.ID == "" {
				change.Description = &k.Name
			}
			return c.ChangeEncryptionKey(ctx, has.ID, change)
		}})
	}
	return nil
}
