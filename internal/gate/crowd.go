package gate

import (
	"container/list"
	"sync"
)

// crowd is a limited number of members, so many of one owner and so many in
// all. Where it displaces, a newcomer always gets in and the oldest member
// goes: that of the same owner, or where the whole is full that of the owner
// who has most. Otherwise a newcomer is refused.
type crowd struct {
	each, all int
	displaces bool

	mu     sync.Mutex
	owners map[string]*list.List // of *member, oldest first
	total  int
}

// member is one of a crowd. It belongs to one crowd at a time.
type member struct {
	owner string
	end   func() // called once at most, when the member is displaced
	in    *crowd
	at    *list.Element
}

func newCrowd(each, all int, displaces bool) *crowd {
	return &crowd{each: each, all: all, displaces: displaces, owners: make(map[string]*list.List)}
}

// join lets a member in and reports whether there was room.
func (c *crowd) join(owner string, end func()) (*member, bool) {
	c.mu.Lock()
	var out *member
	if full := c.fullest(owner); full != nil {
		if !c.displaces {
			c.mu.Unlock()
			return nil, false
		}
		out = full.Front().Value.(*member)
		c.remove(out)
	}
	own := c.owners[owner]
	if own == nil {
		own = list.New()
		c.owners[owner] = own
	}
	m := &member{owner: owner, end: end, in: c}
	m.at = own.PushBack(m)
	c.total++
	c.mu.Unlock()
	if out != nil {
		out.end() // without the lock: it may take its time
	}
	return m, true
}

// fullest returns the members among which one has to go before another of the
// owner's comes in, nil where there is room.
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

func (c *crowd) remove(m *member) {
	own := c.owners[m.owner]
	own.Remove(m.at)
	m.at = nil
	c.total--
	if own.Len() == 0 {
		delete(c.owners, m.owner)
	}
}

// leave takes the member out; one that is out already stays so.
func (m *member) leave() {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	if m.at != nil {
		m.in.remove(m)
	}
}
