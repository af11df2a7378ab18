package conf

import (
	"fmt"
	"strings"
)

// Check finds out what each directive of the tree is, and whether it may stand where it stands with
// the arguments it has. Every error is collected.
func (t *Table) Check(tree *Tree, d *Diagnostics) {
	c := &checker{table: t, tree: tree, diags: d}
	c.block(tree.Main, Main)
}

type checker struct {
	table *Table
	tree  *Tree
	diags *Diagnostics
	nodes []*Node    // where the lists of presences are allocated
	slab  []presence // where presences are
}

func (c *checker) block(b *Block, in Context) {
	b.Context = in
	if in.IsFree() {
		c.freeForm(b)
		return
	}
	var seen map[*Entry]bool // of a long block; in a short one it is faster to look
	if len(b.Nodes) > 32 {
		seen = make(map[*Entry]bool)
	}
	settable := 0
	for i, n := range b.Nodes {
		e := c.entry(n, in)
		if e == nil {
			n.bad = true
			continue
		}
		n.entry = e
		switch {
		case e.Repeat:
			c.node(n, e, false)
		case seen == nil:
			c.node(n, e, isAmong(e, b.Nodes[:i]))
		default:
			c.node(n, e, seen[e])
			seen[e] = true
		}
		if e.set != nil && !n.bad {
			settable++
			b.bits |= e.Module.bit
		}
		if n.Block != nil && e.HasBlock() {
			opens := e.Opens
			if opens == 0 {
				opens = FreeForm
			}
			c.block(n.Block, opens)
		}
	}
	if settable > 0 {
		c.present(b, settable)
	}
}

func isAmong(e *Entry, nodes []*Node) bool {
	for _, n := range nodes {
		if n.entry == e {
			return true
		}
	}
	return false
}

// present lists the occurrences of each module's directives, as many as have a place in settings.
func (c *checker) present(b *Block, settable int) {
	if cap(c.nodes)-len(c.nodes) < settable {
		c.nodes = make([]*Node, 0, max(1024, settable))
	}
	first := len(c.slab)
	for i, n := range b.Nodes {
		if !n.settable() {
			continue
		}
		m, from := n.entry.Module, len(c.nodes)
		if isPresent(m, c.slab[first:]) {
			continue
		}
		for _, o := range b.Nodes[i:] {
			if o.settable() && o.entry.Module == m {
				c.nodes = append(c.nodes, o)
			}
		}
		if len(c.slab) == cap(c.slab) {
			c.slab = append(make([]presence, 0, 256+len(c.slab)-first), c.slab[first:]...)
			first = 0
		}
		c.slab = append(c.slab, presence{m, c.nodes[from:len(c.nodes):len(c.nodes)], c.tree.presences})
		c.tree.presences++
	}
	b.present = c.slab[first:len(c.slab):len(c.slab)]
}

func (n *Node) settable() bool { return n.entry != nil && n.entry.set != nil && !n.bad }

func isPresent(m *Module, list []presence) bool {
	for i := range list {
		if list[i].module == m {
			return true
		}
	}
	return false
}

// freeForm checks a block whose children have names of their own: they have no blocks.
func (c *checker) freeForm(b *Block) {
	for _, n := range b.Nodes {
		if n.Block != nil {
			n.bad = true
			g := about("emerg", n, -1, "unexpected \"{\"")
			g.Pos, g.Len = n.End, 1
			c.diags.Add(g)
		}
	}
}

// entry finds the meaning of a directive, or reports that it has none here.
func (c *checker) entry(n *Node, in Context) *Entry {
	name := n.Name()
	if e := c.table.find(name, in); e != nil {
		if e.Support == Missing {
			c.unsupported(n, "")
			return nil
		}
		return e
	}
	known := c.table.known()[name]
	if name == "include" { // one with a wrong number of words: Load takes the others
		c.badInclude(n)
		return nil
	}
	if known != nil && known.In&in != 0 {
		c.unsupported(n, known.note())
		return nil
	}
	places := c.table.places(name)
	if places == 0 {
		g := about("emerg", n, -1, fmt.Sprintf("unknown directive \"%s\"", name))
		g.Hint = c.table.unknownHint(name, in)
		c.diags.Add(g)
		return nil
	}
	g := about("emerg", n, -1, fmt.Sprintf("\"%s\" directive is not allowed here", name))
	g.Hint = "it may stand in " + places.String()
	if e := c.table.byName[name]; len(e) > 0 {
		g.Syntax = e[0].usage()
		if n.Block != nil && e[0].Opens != 0 {
			c.block(n.Block, e[0].Opens)
		}
	}
	c.diags.Add(g)
	return nil
}

func (c *checker) unsupported(n *Node, note string) {
	g := about("emerg", n, -1, fmt.Sprintf("\"%s\" directive is known to nginx but not supported by weir yet", n.Name()))
	g.Hint = note
	c.diags.Add(g)
}

func (c *checker) badInclude(n *Node) {
	if n.Block != nil {
		c.diags.Error(n, -1, "directive \"include\" is not terminated by \";\"")
		return
	}
	c.diags.Error(n, -1, "invalid number of arguments in \"include\" directive")
}

// places is where a name may stand, as far as weir or nginx knows it.
func (t *Table) places(name string) Context {
	var in Context
	for _, e := range t.byName[name] {
		in |= e.In
	}
	if k := t.known()[name]; k != nil {
		in |= k.In
	}
	return in
}

// node checks a directive that may stand here.
func (c *checker) node(n *Node, e *Entry, duplicate bool) {
	fail := func(arg int, format string, a ...any) *Diagnostic {
		n.bad = true
		g := about("emerg", n, arg, fmt.Sprintf(format, a...))
		return &g
	}
	switch {
	case n.Block != nil && !e.HasBlock():
		g := fail(-1, "directive \"%s\" is not terminated by \";\"", e.Name)
		g.Pos, g.Len = n.End, 1
		c.diags.Add(*g)
		return
	case n.Block == nil && e.HasBlock():
		g := fail(-1, "directive \"%s\" has no opening \"{\"", e.Name)
		g.Pos, g.Len = n.End, 1
		c.diags.Add(*g)
		return
	}
	vals, bad := e.grammar.match(e.Name, n.Args())
	n.vals = vals
	if bad != nil && bad.arity {
		g := fail(-1, "%s", bad.text)
		g.Hint = c.forgotten(n)
		c.diags.Add(*g)
		return
	}
	if duplicate {
		c.diags.Add(*fail(-1, "\"%s\" directive is duplicate", e.Name))
		return
	}
	if bad != nil {
		g := fail(bad.arg, "%s", bad.text)
		if g.Hint = c.forgotten(n); g.Hint == "" && bad.arg >= 0 {
			g.Hint = c.wordHint(n.Words[bad.arg+1].Text, bad.near)
		}
		c.diags.Add(*g)
	}
}

func (c *checker) wordHint(word string, near []string) string {
	key, _, ok := strings.Cut(word, "=")
	if ok {
		key += "="
	}
	if s := nearest(key, near); s != "" {
		return didYouMean(s)
	}
	return ""
}

// forgotten guesses at a missing ";": an argument that begins a line and is a directive here.
func (c *checker) forgotten(n *Node) string {
	last := c.tree.Position(n.Pos()).Line
	for i, w := range n.Words[1:] {
		line := c.tree.Position(w.Pos).Line
		if line > last && c.table.find(w.Text, n.In.Context) != nil {
			end := c.tree.Position(n.Words[i].Pos).Line
			return fmt.Sprintf("is a \";\" missing at the end of line %d?", end)
		}
		last = line
	}
	return ""
}

// Declare runs the directives that declare something, in file order.
func (t *Table) Declare(tree *Tree, env any, d *Diagnostics) {
	tree.Main.Walk(func(n *Node) bool {
		if e := n.entry; e != nil && e.declare != nil && !n.bad {
			if err := e.declare(&Call{Node: n, Env: env, tree: tree, diags: d, scope: n.In}); err != nil {
				n.bad = true
				d.setError(n, err)
			}
		}
		return true
	})
}

// setError adds what Set or Declare of n returned.
func (d *Diagnostics) setError(n *Node, err error) {
	if _, ok := err.(*Error); !ok {
		if _, ok := err.(interface{ Unwrap() []error }); !ok {
			err = &Error{Node: n, Arg: -1, Text: err.Error()}
		}
	}
	d.Err(err)
}
