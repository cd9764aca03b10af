package main

import (
	"os/user"
	"strconv"

	"syncline.dev/syncline"
)

// owners finds this machine's numbers of a snapshot's users and groups. As in
// restic, a name that is unknown here becomes root. Only one goroutine may use it.
type owners struct {
	env           *environment
	users, groups map[string]uint32
}

func newOwners(env *environment) *owners {
	return &owners{env, map[string]uint32{}, map[string]uint32{}}
}

// set gives an entry the owner and the group that its names have here.
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
		o.env.note("this machine has no %s %s; its files get number 0, as restic gives it", kind, printable(name))
	}
	known[name] = id
	return id
}
