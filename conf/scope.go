package conf

// Scopes resolve settings. Not for several goroutines at once.
//
// Nothing here is kept per block but for the blocks that have directives of a module: of ten thousand
// servers most say nothing of most modules, and share what holds around them.
type Scopes struct {
	table  *Table
	tree   *Tree
	env    any
	diags  *Diagnostics
	states []*state           // by the numbers of presences
	roots  map[*Module]*state // where no directive of the module is in force
	bare   map[bareKey]any    // settings that have defaults only
	calls  []Call             // where calls are allocated
	slab   []state            // where states are
}

// A state is what holds of a module in some blocks: directives of one block, and what holds around it.
type state struct {
	nodes    []*Node // the module's directives in one block; those of groups hold
	groups   groupSet
	outer    *state // nil: the defaults
	leaves   bool   // some group does not go into inner blocks
	inner    *state // what inner locations take over, once it was asked for
	nameless *state // what if and limit_except take over
	settings any
}

// A groupSet is a set of groups of one module, by their numbers.
type groupSet [maxGroups / 64]uint64

// maxGroups is how many groups one module can have.
const maxGroups = 128

func (s *groupSet) add(g int)           { s[g/64] |= 1 << (g % 64) }
func (s *groupSet) has(g int) bool      { return s[g/64]&(1<<(g%64)) != 0 }
func (s *groupSet) empty() bool         { return *s == groupSet{} }
func (s *groupSet) join(o *groupSet)    { s[0] |= o[0]; s[1] |= o[1] }
func (s *groupSet) without(o *groupSet) { s[0] &^= o[0]; s[1] &^= o[1] }

// bareKey stands for the settings of a module in which all groups but some have their defaults.
type bareKey struct {
	module *Module
	but    groupSet
}

// NewScopes prepares the resolving of settings. Errors of Set go to d, each once.
func (t *Table) NewScopes(tree *Tree, env any, d *Diagnostics) *Scopes {
	return &Scopes{
		table: t, tree: tree, env: env, diags: d,
		states: make([]*state, tree.presences), roots: make(map[*Module]*state), bare: make(map[bareKey]any),
	}
}

// Settings returns the settings of a module that hold in a block: the same pointer for all blocks
// that resolve to the same occurrences. C must be the type that m was defined with.
func Settings[C any](s *Scopes, m *Module, b *Block) *C { return s.Any(m, b).(*C) }

// Any is Settings for when the type is not known.
func (s *Scopes) Any(m *Module, b *Block) any { return s.settings(m, s.resolve(m, b), b) }

func (s *Scopes) settings(m *Module, st *state, b *Block) any {
	if st.settings == nil {
		st.settings = s.build(m, st, b)
	}
	return st.settings
}

// ResolveAll resolves what stands in the blocks of the tree, so that every Set has run once and its errors are known
// before anything is built.
func (s *Scopes) ResolveAll() { s.resolveIn(s.tree.Main) }

func (s *Scopes) resolveIn(b *Block) {
	for i := range b.present {
		s.Any(b.present[i].module, b)
	}
	for _, n := range b.Nodes {
		if n.Block != nil && n.entry != nil && !n.bad {
			s.resolveIn(n.Block)
		}
	}
}

// Has reports whether some directive of m is in force in b, not only defaults.
func (s *Scopes) Has(m *Module, b *Block) bool { return len(s.resolve(m, b).nodes) > 0 }

// Source returns the block that the directive's group comes from, nil for its default.
func (s *Scopes) Source(e *Entry, b *Block) *Block {
	for st := s.resolve(e.Module, b); st != nil; st = st.outer {
		if st.groups.has(e.group) {
			return st.nodes[0].In
		}
	}
	return nil
}

// resolve finds what holds in b.
func (s *Scopes) resolve(m *Module, b *Block) *state {
	if st := s.said(m, b); st != nil {
		return st
	}
	return s.root(m)
}

// said is resolve for where something was said: nil where only the defaults hold.
func (s *Scopes) said(m *Module, b *Block) *state {
	nameless := true // all blocks on the way up are
	for at := b; at != nil; at = at.Parent {
		if p := at.of(m); p != nil {
			st := s.at(m, at, p)
			if at == b {
				return st
			}
			return s.within(m, st, nameless)
		}
		nameless = nameless && at.Context&Nameless != 0
	}
	return nil
}

// A View is the settings of one module, for whoever asks for them block after block.
type View struct {
	scopes *Scopes
	module *Module
	root   *state
}

// View prepares to ask for the settings of a module.
func (s *Scopes) View(m *Module) View { return View{s, m, s.root(m)} }

// Any is Scopes.Any of the module.
func (v *View) Any(b *Block) any {
	st := v.scopes.said(v.module, b)
	if st == nil {
		st = v.root
	}
	return v.scopes.settings(v.module, st, b)
}

func (s *Scopes) root(m *Module) *state {
	st := s.roots[m]
	if st == nil {
		st = &state{}
		s.roots[m] = st
	}
	return st
}

// at is what holds in a block that has directives of the module.
func (s *Scopes) at(m *Module, b *Block, p *presence) *state {
	if st := s.states[p.number]; st != nil {
		return st
	}
	var groups groupSet
	for _, n := range p.nodes {
		groups.add(n.entry.group)
	}
	outer := s.root(m)
	if b.Parent != nil {
		outer = s.within(m, s.resolve(m, b.Parent), b.Context&Nameless != 0)
	}
	st := s.newState(m, p.nodes, groups, outer)
	s.states[p.number] = st
	return st
}

// within is what is left of a state in blocks inside that have no directive of the module: without the
// groups that are not inherited.
func (s *Scopes) within(m *Module, st *state, nameless bool) *state {
	if !st.leaves {
		return st
	}
	memo := &st.inner
	if nameless {
		memo = &st.nameless
	}
	if *memo != nil {
		return *memo
	}
	outer := s.root(m)
	if st.outer != nil {
		outer = s.within(m, st.outer, nameless)
	}
	left := st.groups
	left.without(&m.never)
	if !nameless {
		left.without(&m.intoNameless)
	}
	switch {
	case left.empty():
		*memo = outer
	case left == st.groups && outer == st.outer:
		*memo = st
	default:
		*memo = s.newState(m, st.nodes, left, outer)
	}
	return *memo
}

func (s *Scopes) newState(m *Module, nodes []*Node, groups groupSet, outer *state) *state {
	if len(s.slab) == cap(s.slab) {
		s.slab = make([]state, 0, 64)
	}
	st := state{nodes: nodes, groups: groups, leaves: m.leaves(&groups)}
	if len(outer.nodes) > 0 { // the defaults come by themselves
		st.outer, st.leaves = outer, st.leaves || outer.leaves
	}
	s.slab = append(s.slab, st)
	return &s.slab[len(s.slab)-1]
}

// build runs Set for every occurrence, after the defaults of the groups that have none.
func (s *Scopes) build(m *Module, st *state, b *Block) any {
	var said groupSet
	for x := st; x != nil; x = x.outer {
		said.join(&x.groups)
	}
	c := s.defaulted(m, said, b)
	var done groupSet
	for x := st; x != nil; x = x.outer {
		for _, n := range x.nodes {
			if g := n.entry.group; x.groups.has(g) && !done.has(g) && !n.bad {
				s.set(c, n, b)
			}
		}
		done.join(&x.groups)
	}
	return c
}

func (s *Scopes) set(c any, n *Node, b *Block) {
	if err := n.entry.set(c, s.call(n, b)); err != nil {
		n.bad = true
		s.diags.setError(n, err)
	}
}

// call makes a call, which Set may keep.
func (s *Scopes) call(n *Node, b *Block) *Call {
	if len(s.calls) == cap(s.calls) {
		s.calls = make([]Call, 0, 64)
	}
	s.calls = append(s.calls, Call{Node: n, Env: s.env, tree: s.tree, diags: s.diags, block: b})
	return &s.calls[len(s.calls)-1]
}

// defaulted returns fresh settings with the defaults of all groups but some. The defaults are set once
// for all settings that have the same ones: to copy them is cheaper than to read them again.
func (s *Scopes) defaulted(m *Module, but groupSet, b *Block) any {
	key := bareKey{m, but}
	c := s.bare[key]
	if c == nil {
		c = m.fresh()
		for g, entries := range m.groups {
			if !but.has(g) {
				s.defaults(c, entries, b)
			}
		}
		s.bare[key] = c
	}
	return m.clone(c)
}

// defaults stores the defaults of a group.
func (s *Scopes) defaults(c any, group []*Entry, b *Block) {
	for _, e := range group {
		if e.defaults == nil || e.set == nil {
			continue
		}
		if err := e.set(c, s.call(e.defaultNode, b)); err != nil {
			s.diags.Error(nil, -1, "default of \"%s\": %v", e.Name, err)
		}
	}
}
