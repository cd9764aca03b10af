package declare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
)

// Outcome is how a step ended.
type Outcome struct {
	Step
	// Err is nil when the step is done.
	Err error
	// Because names the thing for whose sake the step was not tried; "" for a step that
	// was tried.
	Because string
}

// Apply takes the steps of a plan and calls told after each. A step that fails does not
// stop those that need nothing of it. Applying the file again takes the steps that are
// left. A server that cannot be reached, and the end of ctx, end it.
func (p *Plan) Apply(ctx context.Context, c *client.Client, told func(Outcome)) (failed int) {
	ids, broken := maps.Clone(p.ids), make(map[ref]bool)
	stopped := ""
	for _, s := range p.Steps {
		o := Outcome{Step: s, Because: stopped}
		if i := slices.IndexFunc(s.needs, func(r ref) bool { return broken[r] }); o.Because == "" && i >= 0 {
			o.Because = fmt.Sprintf("the %s %q is not as declared", s.needs[i].kind, s.needs[i].name)
		}
		if o.Because == "" {
			o.Err = s.do(ctx, c, ids)
		}
		if o.Err != nil || o.Because != "" {
			failed++
			broken[s.ref()] = true
		}
		if o.Err != nil && hopeless(ctx, o.Err) {
			stopped = "the server could not be asked"
		}
		told(o)
	}
	return failed
}

// hopeless reports whether the next request would fail for the same reason.
func hopeless(ctx context.Context, err error) bool {
	var gone *client.UnreachableError
	return ctx.Err() != nil || errors.As(err, &gone) || errors.Is(err, client.ErrSignIn)
}

// String is the step for people, its fields in lines of their own. It holds no secret.
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q", s.Action, s.Kind, s.Name)
	for _, f := range s.Fields {
		switch {
		case f.Name == "password" || f.Name == "secret" || strings.HasPrefix(f.Name, "secrets."):
			verb := "another one, "
			if s.Action == Add {
				verb = ""
			}
			fmt.Fprintf(&b, "\n    %s: %s%s", f.Name, verb, f.New)
		case s.Action == Add:
			fmt.Fprintf(&b, "\n    %s: %q", f.Name, f.New)
		default:
			fmt.Fprintf(&b, "\n    %s: %q -> %q", f.Name, f.Old, f.New)
		}
	}
	return b.String()
}

// Count returns how many things the plan adds, changes and removes.
func (p *Plan) Count() (added, changed, removed int) {
	for _, s := range p.Steps {
		switch s.Action {
		case Add:
			added++
		case Change:
			changed++
		case Remove:
			removed++
		}
	}
	return added, changed, removed
}

// MessageOf is the sentence that says why a step failed.
func MessageOf(err error) string {
	var refused *client.Error
	if errors.As(err, &refused) {
		return confirming(refused)
	}
	var known *syncline.Error
	if errors.As(err, &known) {
		return syncline.MessageOf(err)
	}
	return err.Error()
}
