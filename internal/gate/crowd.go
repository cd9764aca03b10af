package gate

import (
	"container/list"
	"sync"
)

// crowd is a limited number of members: a limit for each owner, and one for
// all. A displacing crowd admits every new member and removes another one:
// of the same owner, or if the crowd is full, of the owner with the most
// members. It is the oldest of those for which spare is greatest. Any other crowd
// refuses new members.
type crowd struct {
	each, all int
	displaces bool
	spare     func(*conn) int // nil where all are equal

	mu     sync.Mutex
	owners map[string]*list.List // of *member, oldest first
	total  int
}

// member is a member of a crowd. It belongs to one crowd at a time.
type member struct {
	owner string
	conn  *conn  // nil where spare is nil, and where it is not known
	end   func() // called at most once, when the member is displaced
	in    *crowd
	at    *list.Element
}

func newCrowd(each, all int, displaces bool) *crowd {
	return &crowd{each: each, all: all, displaces: displaces, owners: make(map[string]*list.List)}
}

// join adds a member without a connection. ok is false if there was no room.
func (c *crowd) join(owner string, end func()) (*member, bool) { return c.joinOver(nil, owner, end) }

// joinOver adds a member with its connection.
func (c *crowd) joinOver(over *conn, owner string, end func()) (*member, bool) {
	c.mu.Lock()
	var out *member
	if full := c.fullest(owner); full != nil {
		if !c.displaces {
			c.mu.Unlock()
			return nil, false
		}
		out = c.victim(full)
		c.remove(out)
	}
	own := c.owners[owner]
	if own == nil {
		own = list.New()
		c.owners[owner] = own
	}
	m := &member{owner: owner, conn: over, end: end, in: c}
	m.at = own.PushBack(m)
	c.total++
	c.mu.Unlock()
	if out != nil {
		out.end() // without the lock, because it may take time
	}
	return m, true
}

// fullest returns the members of which one must leave before another of the
// owner can join, or nil if there is room.
func (c *crowd) fullest(owner string) *list.List {
	if own := c.owners[owner]; own != nil && own.Len() >= c.each {
		return own
	}
	if c.total < c.all {
		return nil
	}
	var most *list.List
	for _, l := range c.owners {
		if most == nil || l.Len() > most.Len() {
			most = l
		}
	}
	return most
}

// victim returns the member of a list that must leave.
func (c *crowd) victim(of *list.List) *member {
	found := of.Front().Value.(*member)
	if c.spare == nil {
		return found
	}
	most := c.spare(found.conn)
	for e := of.Front().Next(); e != nil; e = e.Next() {
		m := e.Value.(*member)
		if n := c.spare(m.conn); n > most {
			found, most = m, n
		}
	}
	return found
}

func (c *crowd) remove(m *member) {
	own := c.owners[m.owner]
	own.Remove(m.at)
	m.at = nil
	c.total--
	if own.Len() == 0 {
		delete(c.owners, m.owner)
	}
}

// leave removes the member. A member that has left may leave again.
func (m *member) leave() {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	if m.at != nil {
		m.in.remove(m)
	}
}
