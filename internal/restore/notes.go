package restore

import (
	"io/fs"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/numbered"
)

// Note is a difference between the target and the snapshot that is no failure.
type Note string

// The notes.
const (
	Renamed     Note = "it has another name, because the folder has its name twice"
	NoSetID     Note = "its set-id bits are left out"
	NoAttribute Note = "an attribute that the system trusts is left out"
	NoDevice    Note = "it is a device, and left out"
)

// noted reports a note. The detail is the other name or the attribute's name.
func (r *run) noted(path string, n Note, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Reporter.Noted(path, n, detail)
}

// trusted reports whether the system trusts an attribute. Such an attribute
// gives a program capabilities, a file a label, or an overlay its layers.
func trusted(attribute string) bool {
	return strings.HasPrefix(attribute, "security.") || strings.HasPrefix(attribute, "trusted.")
}

// plain removes from an entry everything that lends rights, if the options say
// so. It reports whether anything is left to restore.
func (r *run) plain(path string, e *syncline.Entry) bool {
	if !r.Unprivileged {
		return true
	}
	if e.Type == syncline.TypeDevice || e.Type == syncline.TypeCharDev {
		r.count(func(x *Result) { x.Skipped++ })
		r.noted(path, NoDevice, "")
		return false
	}
	if e.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		e.Mode &^= fs.ModeSetuid | fs.ModeSetgid
		r.noted(path, NoSetID, "")
	}
	isTrusted := func(a syncline.ExtendedAttribute) bool { return trusted(a.Name) }
	if slices.ContainsFunc(e.ExtendedAttributes, isTrusted) {
		for _, a := range e.ExtendedAttributes {
			if trusted(a.Name) {
				r.noted(path, NoAttribute, a.Name)
			}
		}
		e.ExtendedAttributes = slices.DeleteFunc(slices.Clone(e.ExtendedAttributes), isTrusted)
	}
	return true
}

// setAttributes fills in the choice of attributes.
func (o *Options) setAttributes() {
	chosen := o.Attributes
	o.Attributes = func(name string) bool {
		return (chosen == nil || chosen(name)) && (!o.Unprivileged || !trusted(name))
	}
}

// callings gives the items of a folder different names on this system.
type callings struct {
	items []walkItem
	taken map[string]bool
	own   map[string]bool // names of all items, filled when one repeats
	last  map[string]int  // numbers in use
}

// call returns an item's name in the target: its own name, unless an item
// before has it.
func (c *callings) call(name string) string {
	key := nameKey(name)
	if !c.taken[key] {
		c.taken[key] = true
		return name
	}
	if c.own == nil {
		c.own, c.last = make(map[string]bool, len(c.items)), make(map[string]int)
		for i := range c.items {
			if e := c.items[i].entry; e != nil {
				c.own[nameKey(e.Name)] = true
			}
		}
	}
	for i := max(c.last[key], 1) + 1; ; i++ {
		other := numbered.Name(name, i)
		if k := nameKey(other); !c.taken[k] && !c.own[k] {
			c.taken[k], c.last[key] = true, i
			return other
		}
	}
}
