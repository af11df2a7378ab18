package h2

import "slices"

// A tree is the dependencies of streams (RFC 7540, section 5.3), which RFC 9113 has given up and clients go on sending. As in nginx a
// stream comes before those that depend on it, and of those that depend on the same one the heavier comes first.
type tree struct {
	nodes  map[uint32]*node
	root   node
	closed []*node // without a stream, the oldest first
}

// A node is a stream in the tree: one that is there, was there, or is still to come.
type node struct {
	id       uint32
	weight   int32 // 1 to 256
	depth    int32
	share    float64 // of what there is
	parent   *node
	children []*node
	stream   *stream
}

const (
	defaultWeight = 16
	maxClosed     = 32 // nodes without a stream that are remembered
)

// priority takes a PRIORITY frame.
func (c *conn) priority(dependency uint32, weight byte) error {
	id := c.in.id
	if c.prioLimit--; c.prioLimit <= 0 {
		return c.fault(codeCalm, "client sent too many PRIORITY frames")
	}
	switch {
	case id == 0:
		return c.fault(codeProtocol, "client sent PRIORITY frame with incorrect identifier")
	case dependency&maxWindow == id:
		return c.fault(codeProtocol, "client sent PRIORITY frame for stream %d with incorrect dependency", id)
	}
	t := c.needTree()
	n := t.nodes[id]
	if n == nil {
		n = t.add(id, c.find(id))
	}
	n.weight = int32(weight) + 1
	t.touch(n)
	t.depend(n, dependency)
	return nil
}

func (c *conn) needTree() *tree {
	if c.tree == nil {
		c.tree = &tree{nodes: map[uint32]*node{}, root: node{share: 1}}
	}
	return c.tree
}

// depend puts a new stream into the tree. told says that the client has said where it stands.
func (c *conn) depend(s *stream, dependency uint32, weight byte, told bool) {
	t := c.needTree()
	n := t.nodes[s.id]
	fresh := n == nil
	if fresh {
		n = t.add(s.id, s)
	} else {
		t.closed = slices.DeleteFunc(t.closed, func(o *node) bool { return o == n })
		n.stream = s
	}
	if told || fresh {
		n.weight = int32(weight) + 1
		t.depend(n, dependency)
		return
	}
	n.update()
}

// leaveTree leaves the place of a stream to those that depend on it.
func (c *conn) leaveTree(s *stream) {
	if c.tree == nil {
		return
	}
	if n := c.tree.nodes[s.id]; n != nil && n.stream == s {
		n.stream = nil
		c.tree.touch(n)
	}
}

// add makes a node; depend gives it its place.
func (t *tree) add(id uint32, s *stream) *node {
	n := &node{id: id, weight: defaultWeight, stream: s}
	t.nodes[id] = n
	return n
}

// touch makes a node without a stream the last to be forgotten.
func (t *tree) touch(n *node) {
	if n.stream != nil {
		return
	}
	t.closed = slices.DeleteFunc(t.closed, func(o *node) bool { return o == n })
	if len(t.closed) == maxClosed {
		t.forget(t.closed[0])
		t.closed = slices.Delete(t.closed, 0, 1)
	}
	t.closed = append(t.closed, n)
}

// forget takes a node out: those that depend on it share its weight.
func (t *tree) forget(n *node) {
	delete(t.nodes, n.id)
	if n.parent == nil {
		return
	}
	sum := int32(0)
	for _, child := range n.children {
		sum += child.weight
	}
	for _, child := range n.children {
		child.weight = max(1, n.weight*child.weight/sum)
		n.parent.adopt(child)
	}
	n.leave()
}

// depend makes n depend on another node, on nothing if that is not known. The highest bit of dependency says that all others that do
// now depend on n.
func (t *tree) depend(n *node, dependency uint32) {
	exclusive := dependency>>31 != 0
	parent := t.nodes[dependency&maxWindow]
	if parent == nil {
		parent = &t.root
		exclusive = exclusive && dependency&maxWindow == 0
	}
	if parent.below(n) { // it would be a circle: the other one takes the place of n first
		above := n.parent
		parent.leave()
		above.adopt(parent)
	}
	n.leave()
	if exclusive {
		for _, child := range parent.children {
			n.adopt(child)
		}
		parent.children = nil
	}
	parent.adopt(n)
	if parent.stream == nil && parent != &t.root {
		t.touch(parent)
	}
	if parent.parent != nil {
		parent.update()
	} else {
		n.update()
	}
}

// below reports whether n depends on o.
func (n *node) below(o *node) bool {
	for p := n.parent; p != nil; p = p.parent {
		if p == o {
			return true
		}
	}
	return false
}

func (n *node) adopt(child *node) {
	child.parent = n
	n.children = append(n.children, child)
}

func (n *node) leave() {
	if p := n.parent; p != nil {
		p.children = slices.DeleteFunc(p.children, func(o *node) bool { return o == n })
		n.parent = nil
	}
}

// update works out anew where n and all that depend on it stand.
func (n *node) update() {
	n.depth = n.parent.depth + 1
	n.share = n.parent.share / 256 * float64(n.weight)
	if s := n.stream; s != nil {
		s.rank.depth, s.rank.weight = n.depth, n.share
	}
	for _, child := range n.children {
		child.update()
	}
}
