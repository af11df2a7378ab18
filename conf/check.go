package conf

import (
	"errors"
	"fmt"
	"strings"
)

// Check finds out what each directive of the tree is, and whether it may stand where it stands with
// the arguments it has. Every error is collected.
func (t *Table) Check(tree *Tree, d *Diagnostics) {
	c := &checker{table: t, tree: tree, diags: d}
	d.table = t
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
		if module, instead := known.out(); module != "" {
			g := about("emerg", n, -1, fmt.Sprintf("\"%s\" directive is of nginx's %s module, which weir does not have", name, module))
			g.Hint = instead
			c.diags.Add(g)
			return nil
		}
		c.unsupported(n, known.note())
		return nil
	}
	if c.table.places(name) == 0 {
		g := about("emerg", n, -1, fmt.Sprintf("unknown directive \"%s\"", name))
		g.Hint = c.table.unknownHint(name, in)
		if n.Block != nil {
			g.kind = strange
		}
		c.diags.Add(g)
		return nil
	}
	g := about("emerg", n, -1, fmt.Sprintf("\"%s\" directive is not allowed here", name))
	g.Hint, g.kind = c.table.placeHint(name), misplaced
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
	if g.Hint = note; note == "" {
		g.Hint = c.table.gone(n.Name())
	}
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
		g.Pos, g.Len, g.kind = n.End, 1, noBrace
		c.diags.Add(*g)
		return
	}
	vals, bad := e.grammar.match(e.Name, n.Args())
	n.vals = vals
	switch i := e.lacking(n); {
	case bad != nil && bad.arity:
		c.diags.Add(*fail(-1, "%s", bad.text))
	case duplicate:
		g := fail(-1, "\"%s\" directive is duplicate", e.Name)
		g.Hint = c.earlier(n, e)
		c.diags.Add(*g)
	case i >= 0:
		c.diags.Add(*fail(i, "\"%s\" parameter is known to nginx but not supported by weir yet", n.Words[i+1].Text))
	case bad != nil:
		c.diags.Add(*fail(bad.arg, "%s", bad.text))
	default:
		c.doubt(n)
	}
}

// lacking is the number of the argument that nginx has and weir has not, or -1.
func (e *Entry) lacking(n *Node) int {
	for i, w := range n.Args() {
		if len(e.Lacks) == 0 || i == 0 && !e.grammar.beginsFixed() {
			continue
		}
		for _, word := range e.Lacks {
			if w.Text == word || strings.HasSuffix(word, "=") && strings.HasPrefix(w.Text, word) {
				return i
			}
		}
	}
	return -1
}

// earlier reports where a directive stands first that may stand but once.
func (c *checker) earlier(n *Node, e *Entry) string {
	for _, first := range n.In.Nodes {
		if first.entry == e && first != n {
			return "the first is in " + c.diags.where(first.Pos())
		}
	}
	return ""
}

// doubt remembers a directive that is right as it stands, and may have swallowed the next one.
func (c *checker) doubt(n *Node) {
	i := c.table.swallowed(c.tree, n)
	if i < 0 {
		return
	}
	g := about("warn", n, i, fmt.Sprintf("\"%s\" begins a line, and is taken for an argument of \"%s\"", n.Words[i+1].Text, n.Name()))
	g.Hint = c.table.forgotten(c.tree, n)
	c.diags.doubt(g)
}

// Declare runs the directives that declare something, in file order: first those that do nothing else, then those that are set as well, which
// may name what any of the first declares.
func (t *Table) Declare(tree *Tree, env any, d *Diagnostics) {
	declare(tree, env, d, false)
	declare(tree, env, d, true)
}

func declare(tree *Tree, env any, d *Diagnostics, set bool) {
	tree.Main.Walk(func(n *Node) bool {
		if e := n.entry; e != nil && e.declare != nil && (e.set != nil) == set && !n.bad {
			if err := e.declare(&Call{Node: n, Env: env, tree: tree, diags: d, block: n.In}); err != nil {
				n.bad = true
				d.setError(n, err)
			}
		}
		return true
	})
}

// setError adds what Set or Declare of n returned.
func (d *Diagnostics) setError(n *Node, err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			d.setError(n, e)
		}
		return
	}
	var at *Error
	if !errors.As(err, &at) {
		at = &Error{Node: n, Arg: -1, Text: err.Error()}
	}
	d.Err(at)
}
