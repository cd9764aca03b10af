package declare

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

func (p *planner) rules(context.Context) error {
	for _, r := range p.Rules {
		has, err := named(kindRule, p.Name, r.Name, p.state.Rules, func(x client.AlarmRule) (string, string) { return x.Name, x.ManagedBy })
		if err != nil {
			return err
		}
		step := Step{Action: Add, Kind: kindRule, Name: r.Name}
		repository := ref{kindRepository, fold(r.Repository)}
		if r.Repository != "" {
			step.needs = []ref{repository}
		}
		if has == nil {
			step.Fields = r.fields(client.AlarmRule{Enabled: true}, "")
			step.do = func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
				_, err := c.AddAlarmRule(ctx, r.rule("", ids[repository]))
				return err
			}
			p.add(step)
			continue
		}
		p.declared[has.ID] = true
		holder := ""
		if has.RepositoryID != "" {
			holder = p.nameOf(kindRepository, has.RepositoryID)
		}
		step.Action, step.Fields = Change, append(differ(p.taken(has.ManagedBy)), r.fields(*has, holder)...)
		step.do = func(ctx context.Context, c *client.Client, ids map[ref]syncline.ID) error {
			return c.ReplaceAlarmRule(ctx, r.rule(has.ID, ids[repository]))
		}
		p.add(step)
	}
	return nil
}

// fields are the differences from a rule of the server, whose repository has a name.
func (r Rule) fields(has client.AlarmRule, repository string) []Field {
	maxAge := Field{"maxAge", has.MaxAge, r.MaxAge}
	old, _ := syncline.ParseDays(has.MaxAge)
	if wanted, _ := syncline.ParseDays(r.MaxAge); old == wanted { // 48h and 2d are the same
		maxAge = Field{}
	}
	return differ(
		same("repository", repository, r.Repository), Field{"hostPattern", has.HostPattern, r.HostPattern}, Field{"paths", pathsText(has.Paths), pathsText(r.Paths)},
		Field{"tag", has.Tag, r.Tag}, maxAge, Field{"severity", string(has.Severity), string(cmp.Or(r.Severity, syncline.SeverityWarning))},
		Field{"enabled", strconv.FormatBool(has.Enabled), strconv.FormatBool(!r.Off)},
	)
}

// pathsText is a list of paths, whose order does not count, as one text.
func pathsText(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", slices.Sorted(slices.Values(paths)))
}

func (r Rule) rule(id, repository syncline.ID) client.AlarmRule {
	return client.AlarmRule{
		ID: id, Name: r.Name, RepositoryID: repository, HostPattern: r.HostPattern, Paths: r.Paths, Tag: r.Tag,
		MaxAge: r.MaxAge, Severity: cmp.Or(r.Severity, syncline.SeverityWarning), Enabled: !r.Off,
	}
}

func (x *exporter) rules() (items []*yaml.Node, err error) {
	for _, r := range x.Rules {
		if !x.mine(r.ManagedBy) {
			continue
		}
		repository, ok := x.labels[r.RepositoryID]
		if !ok && r.RepositoryID != "" {
			if err := x.leave(kindRule, r.Name, r.ManagedBy, kindRepository); err != nil {
				return nil, err
			}
			continue
		}
		var paths, off *yaml.Node
		if len(r.Paths) > 0 {
			paths = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for _, p := range r.Paths {
				paths.Content = append(paths.Content, textNode(p))
			}
		}
		if !r.Enabled {
			off = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}
		}
		severity := strings.TrimPrefix(string(r.Severity), string(syncline.SeverityWarning))
		items = append(items, mappingNode("name", r.Name, "repository", repository, "hostPattern", r.HostPattern, "paths", paths, "tag", r.Tag,
			"maxAge", r.MaxAge, "severity", severity, "enabled", off))
	}
	return items, nil
}
