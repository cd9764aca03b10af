package restore

import (
	"os/user"
	"strconv"

	"syncline.dev/syncline"
)

// owners finds the numbers that the names of users and groups have on this
// machine. Only one goroutine may use it.
type owners struct {
	unknown       func(kind, name string)
	users, groups map[string]uint32
}

// OwnersByName returns an Options.Owner that gives entries the numbers that their
// names have on this machine. As in restic, a name that is not known here stands
// for root; unknown is called once for each, with "user" or "group".
func OwnersByName(unknown func(kind, name string)) func(*syncline.Entry) {
	o := &owners{unknown, map[string]uint32{}, map[string]uint32{}}
	return o.set
}

func (o *owners) set(e *syncline.Entry) {
	e.UID = o.find(o.users, "user", e.User, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	e.GID = o.find(o.groups, "group", e.Group, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

func (o *owners) find(known map[string]uint32, kind, name string, look func(string) (string, error)) uint32 {
	id, ok := known[name]
	if ok {
		return id
	}
	text, err := look(name)
	if err == nil {
		var n uint64
		n, err = strconv.ParseUint(text, 10, 32)
		id = uint32(n)
	}
	if err != nil {
		o.unknown(kind, name)
	}
	known[name] = id
	return id
}
