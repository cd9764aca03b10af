package declare

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

func (p *planner) storages(context.Context) error {
	for _, s := range p.Storages {
		has, err := named(kindStorage, p.Name, s.Name, p.state.Storages, func(x client.ObjectStorage) (string, string) { return x.Name, x.ManagedBy })
		if err != nil {
			return err
		}
		account := ref{kindAccount, fold(s.Account)}
		kind, err := p.storageKind(s)
		if err != nil {
			return err
		}
		if s.Settings = p.state.settingsOfStorage(kind, s.Settings); p.Address != nil && s.Address != "" {
			s.Address = p.Address(s.Address)
		}
		step := Step{Action: Add, Kind: kindStorage, Name: s.Name, needs: []ref{account}}
		if has == nil {
			step.Fields = s.fields(client.ObjectStorage{}, "")
			step.do = func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
				made, err := c.AddObjectStorage(ctx, s.object(kind, ids[account]))
				ids[ref{kindStorage, fold(s.Name)}] = made.ID
				return err
			}
			p.add(step)
			continue
		}
		if has.Type != kind {
			return invalid("storage %q: its type is %s and cannot change; declare another storage", s.Name, has.Type)
		}
		p.declared[has.ID], p.plan.ids[ref{kindStorage, fold(s.Name)}] = true, has.ID
		step.Action = Change
		step.Fields = append(differ(p.taken(has.ManagedBy)), s.fields(*has, p.accountName(has.AccountID))...)
		step.do = func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
			o := s.object(kind, ids[account])
			o.Settings = replacing(has.Settings, s.Settings)
			return c.ReplaceObjectStorage(ctx, has.ID, o)
		}
		p.add(step)
	}
	return nil
}

// fields are the differences from a storage of the server, whose account has a name.
func (s Storage) fields(has client.ObjectStorage, account string) []Field {
	is, cloud := placeOf(has), s.Cloud
	if cloud == "" {
		is.cloud = strings.TrimPrefix(is.cloud, string(syncline.CloudGlobal))
	}
	if s.Account != "" && fold(s.Account) == fold(account) {
		account = s.Account
	}
	return append(differ(
		Field{"account", account, s.Account}, Field{"address", is.address, s.Address}, Field{"bucket", is.bucket, s.Bucket}, Field{"folder", is.folder, strings.Trim(s.Folder, "/")},
		Field{"endpoint", is.endpoint, s.Endpoint}, Field{"region", is.region, s.Region}, Field{"cloud", is.cloud, cloud},
		Field{"description", has.Description, s.Description},
	), settingFields(has.Settings, s.Settings)...)
}

// storageKind returns the type of a storage, which is that of its account.
func (p *planner) storageKind(s Storage) (string, error) {
	for _, a := range p.Accounts {
		if fold(a.Name) != fold(s.Account) {
			continue
		}
		kind, err := p.state.kindNamed(a)
		if _, buckets := accountTypes[a.Type]; err == nil && buckets == (s.Address != "") {
			needs := "an address"
			if buckets {
				needs = "a bucket"
			}
			return "", invalid("storage %q: its account is of the type %s; give %s", s.Name, a.Type, needs)
		}
		return kind.storage, err
	}
	return "", nil // the file is checked
}

// nameOf returns the file's name of a thing of the server, or a name of another thing
// that no thing of the file has.
func (p *planner) nameOf(kind string, id syncline.ID) string {
	for r, has := range p.plan.ids {
		if r.kind == kind && has == id {
			return r.name
		}
	}
	name := p.state.nameOf(kind, id)
	switch {
	case name == "":
		return string(id)
	case p.declares(kind, name):
		return fmt.Sprintf("%s (%s)", name, id)
	}
	return name
}

func (p *planner) accountName(id syncline.ID) string { return p.nameOf(kindAccount, id) }

func (p *planner) repositories(context.Context) error {
	for _, r := range p.Repositories {
		has, err := named(kindRepository, p.Name, r.Name, p.state.Repositories, func(x client.Repository) (string, string) { return x.Name, x.ManagedBy })
		if err != nil {
			return err
		}
		if has == nil {
			has = p.renamed(r)
		}
		if has == nil {
			p.add(r.added())
			continue
		}
		p.declared[has.ID], p.plan.ids[ref{kindRepository, fold(r.Name)}] = true, has.ID
		key, storage := p.nameOf(kindKey, has.EncryptionKeyID), ""
		if has.ObjectStorageID != "" {
			storage = p.nameOf(kindStorage, has.ObjectStorageID)
		}
		p.add(r.changed(*has, append(r.Synchronization.fields(has.Synchronization), differ(
			p.taken(has.ManagedBy), Field{"name", has.Name, r.Name}, Field{"description", has.Description, r.Description},
			Field{"path", has.Path, r.Path}, same("storage", storage, r.Storage), same("key", key, r.Key),
		)...)))
	}
	return nil
}

// fields are the differences from a schedule of the server.
func (s Synchronization) fields(has client.Synchronization) []Field {
	return differ(
		Field{"synchronization.enabled", strconv.FormatBool(has.Enabled), strconv.FormatBool(!s.Off)}, Field{"synchronization.interval", has.Interval, s.Interval},
		Field{"synchronization.cron", has.Cron, s.Cron}, Field{"synchronization.timeZone", has.TimeZone, s.TimeZone},
	)
}

// schedule is the schedule in the form of the API.
func (s Synchronization) schedule() *client.Synchronization {
	return &client.Synchronization{Enabled: !s.Off, Interval: s.Interval, Cron: s.Cron, TimeZone: s.TimeZone}
}

// same is the field of a name, in which letter case does not count.
func same(field, has, want string) Field {
	if fold(has) == fold(want) {
		return Field{}
	}
	return Field{field, has, want}
}

// renamed returns the file's own repository of another name at the same place, nil for
// none.
func (p *planner) renamed(r Repository) *client.Repository {
	for i, x := range p.state.Repositories {
		at := x.Path
		if x.ObjectStorageID != "" {
			at = p.nameOf(kindStorage, x.ObjectStorageID)
		}
		if x.ManagedBy == p.Name && !p.declares(kindRepository, x.Name) && (r.Path != "" && at == r.Path || r.Storage != "" && at == fold(r.Storage)) {
			return &p.state.Repositories[i]
		}
	}
	return nil
}

func (r Repository) needs() (key, storage ref, all []ref) {
	key, all = ref{kindKey, fold(r.Key)}, []ref{{kindKey, fold(r.Key)}}
	if r.Storage != "" {
		storage = ref{kindStorage, fold(r.Storage)}
		all = append(all, storage)
	}
	return key, storage, all
}

func (r Repository) added() Step {
	key, storage, needs := r.needs()
	fields := differ(Field{"path", "", r.Path}, Field{"storage", "", r.Storage}, Field{"key", "", r.Key}, Field{"description", "", r.Description})
	fields = append(fields, r.Synchronization.fields(client.Synchronization{Enabled: true})...)
	return Step{Action: Add, Kind: kindRepository, Name: r.Name, Fields: fields, needs: needs, do: func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
		made, err := c.AttachRepository(ctx, client.NewRepository{
			Name: r.Name, Description: r.Description, Path: r.Path, ObjectStorageID: ids[storage], EncryptionKeyID: ids[key],
			Synchronization: r.Synchronization.schedule(),
		})
		ids[ref{kindRepository, fold(r.Name)}] = made.ID
		return err
	}}
}

func (r Repository) changed(has client.Repository, fields []Field) Step {
	key, storage, needs := r.needs()
	return Step{Action: Change, Kind: kindRepository, Name: r.Name, Fields: fields, needs: needs, do: func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
		return c.ChangeRepository(ctx, has.ID, client.RepositoryChange{
			Name: r.Name, Description: &r.Description, Path: r.Path, ObjectStorageID: ids[storage], EncryptionKeyID: ids[key], RetentionType: has.RetentionType,
			Synchronization: r.Synchronization.schedule(),
		})
	}}
}

func (p *planner) userSteps(ctx context.Context) error {
	for _, u := range p.Users {
		has, err := named(kindUser, p.Name, u.Name, p.state.Users, func(x client.User) (string, string) { return x.Name, x.ManagedBy })
		if err != nil {
			return err
		}
		what := fmt.Sprintf("user %q: password", u.Name)
		fields, text, err := p.secretField(what, "password", u.Password, has == nil, func(text string) (bool, error) { return p.client.UserHasPassword(ctx, has.Name, text) })
		if err != nil {
			return err
		}
		p.users[fold(u.Name)] = true
		if has == nil {
			fields = append([]Field{{"role", "", string(u.Role)}}, fields...)
			p.add(Step{Action: Add, Kind: kindUser, Name: u.Name, Fields: fields, do: func(ctx context.Context, c *client.Client, _ map[ref]syncline.ID) error {
				_, err := c.AddUser(ctx, client.NewUser{Name: u.Name, Role: u.Role, Password: text.Reveal()})
				return err
			}})
			continue
		}
		fields = append(differ(p.taken(has.ManagedBy), Field{"role", string(has.Role), string(u.Role)}), fields...)
		p.add(Step{Action: Change, Kind: kindUser, Name: u.Name, Fields: fields, do: func(ctx context.Context, c *client.Client, _ map[ref]syncline.ID) error {
			return c.ChangeUser(ctx, has.Name, client.UserChange{Role: u.Role, Password: text.Reveal()})
		}})
	}
	return nil
}

// removals plans the removal of what the file managed and does not declare: the holders
// before what they use.
func (p *planner) removals() {
	remove := func(kind, name, by string, id syncline.ID, do func(ctx context.Context, c *client.Client) error) {
		if by != p.Name || p.declared[id] {
			return
		}
		step := Step{Action: Remove, Kind: kind, Name: name, do: func(ctx context.Context, c *client.Client, _ map[ref]syncline.ID) error { return do(ctx, c) }}
		if p.Prune {
			p.add(step)
		} else {
			p.plan.Left = append(p.plan.Left, step)
		}
	}
	for _, x := range p.state.Rules {
		remove(kindRule, x.Name, x.ManagedBy, x.ID, func(ctx context.Context, c *client.Client) error { return c.DeleteAlarmRule(ctx, x.ID) })
	}
	for _, x := range p.state.Repositories {
		remove(kindRepository, x.Name, x.ManagedBy, x.ID, func(ctx context.Context, c *client.Client) error { return c.DetachRepository(ctx, x.ID) })
	}
	for _, x := range p.state.Storages {
		remove(kindStorage, x.Name, x.ManagedBy, x.ID, func(ctx context.Context, c *client.Client) error { return c.RemoveObjectStorage(ctx, x.ID) })
	}
	for _, x := range p.state.Keys {
		remove(kindKey, x.Description, x.ManagedBy, x.ID, func(ctx context.Context, c *client.Client) error { return c.DeleteEncryptionKey(ctx, x.ID) })
	}
	for _, x := range p.state.Accounts {
		remove(kindAccount, x.Description, x.ManagedBy, x.ID, func(ctx context.Context, c *client.Client) error { return c.DeleteAccount(ctx, x.ID) })
	}
	for _, x := range p.state.Users {
		if !p.users[fold(x.Name)] {
			remove(kindUser, x.Name, x.ManagedBy, "", func(ctx context.Context, c *client.Client) error { return c.DeleteUser(ctx, x.Name) })
		}
	}
}
