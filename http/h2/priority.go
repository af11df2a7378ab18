package h2

import "slices"

// A priority is what RFC 9218 says of a response.
type priority struct {
	urgency     uint8 // 0 to 7, 0 first
	incremental bool  // it is of use in parts
}

// A rank says which of two streams sends first: by the urgency of RFC 9218, then by the tree of RFC 7540 that a client may have made,
// then those whose response is of use only as a whole, one after the other, then the others in turns.
type rank struct {
	priority
	told   bool // a client that says nothing has its responses in turns
	depth  int32
	weight float64
	turn   uint64
}

var plainPriority = priority{urgency: 3}

var plainRank = rank{priority: plainPriority, depth: 1, weight: defaultWeight / 256.0}

// before reports whether a stream with this rank comes before another one.
func (r *rank) before(o *rank, id, other uint32) bool {
	switch {
	case r.urgency != o.urgency:
		return r.urgency < o.urgency
	case r.depth != o.depth:
		return r.depth < o.depth
	case r.weight != o.weight:
		return r.weight > o.weight
	}
	whole, theirs := r.told && !r.incremental, o.told && !o.incremental
	switch {
	case whole != theirs:
		return whole
	case whole:
		return id < other
	}
	return r.turn < o.turn || r.turn == o.turn && id < other
}

// parse reads a value of the priority field (RFC 9218, section 4): a dictionary, of which only u and i are known. What is wrong in it
// counts for nothing.
func (p *priority) parse(b []byte) {
	for len(b) > 0 {
		item := b
		if i := slices.Index(b, ','); i >= 0 {
			item, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		item = trim(item)
		if i := slices.Index(item, ';'); i >= 0 { // parameters
			item = trim(item[:i])
		}
		switch {
		case len(item) == 3 && item[0] == 'u' && item[1] == '=' && item[2] >= '0' && item[2] <= '7':
			p.urgency = item[2] - '0'
		case string(item) == "i", string(item) == "i=?1":
			p.incremental = true
		case string(item) == "i=?0":
			p.incremental = false
		}
	}
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// An update is a PRIORITY_UPDATE that came before its stream.
type update struct {
	id       uint32
	priority priority
}

// maxUpdates is how many are kept; the oldest go.
const maxUpdates = 16

// beginUpdate checks the head of PRIORITY_UPDATE.
func (c *conn) beginUpdate() error {
	in := &c.in
	switch {
	case in.id != 0:
		return c.fault(codeProtocol, "client sent PRIORITY_UPDATE frame with incorrect identifier")
	case in.rest < 4:
		return c.fault(codeSize, "client sent PRIORITY_UPDATE frame with incorrect length %d", in.rest)
	}
	in.state = inUpdate
	if int(in.rest) > len(in.keep) { // nothing that is known needs so much
		in.state = inSkip
	}
	return c.spend(1)
}

// priorityUpdate takes the priority of a stream, which may be still to come.
func (c *conn) priorityUpdate(u []byte) error {
	id := uint31(u)
	if id == 0 || id%2 == 0 {
		return c.fault(codeProtocol, "client sent PRIORITY_UPDATE frame for stream %d", id)
	}
	p := plainPriority
	p.parse(u[4:])
	if s := c.find(id); s != nil {
		s.rank.priority, s.rank.told = p, true
		return nil
	}
	if id <= c.lastID {
		return nil
	}
	c.updates = slices.DeleteFunc(c.updates, func(u update) bool { return u.id == id })
	if len(c.updates) == maxUpdates {
		c.updates = slices.Delete(c.updates, 0, 1)
	}
	c.updates = append(c.updates, update{id, p})
	return nil
}

// takeUpdate returns what was said of a stream before it began, nil for nothing.
func (c *conn) takeUpdate(id uint32) *priority {
	for i := range c.updates {
		if c.updates[i].id == id {
			p := c.updates[i].priority
			if c.updates = slices.Delete(c.updates, i, i+1); len(c.updates) == 0 {
				c.updates = nil
			}
			return &p
		}
	}
	return nil
}
