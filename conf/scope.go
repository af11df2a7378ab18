package conf

import "unsafe"

// Scopes resolve settings. Not for several goroutines at once.
type Scopes struct {
	table   *Table
	tree    *Tree
	env     any
	diags   *Diagnostics
	modules map[*Module]*scoped
}

// scoped is what is known of one module.
type scoped struct {
	blocks map[*Block]*state // blocks with directives of the module, and the main block
	states map[string]*state // by the sources, as bytes
	key    []byte
}

// A state is settings, and where each group of them comes from.
type state struct {
	sources  []*Block // by group; nil: the default
	any      bool     // some source is not nil
	leaves   bool     // some group does not go into inner blocks
	settings any
}

// NewScopes prepares the resolving of settings. Errors of Set go to d, each once.
func (t *Table) NewScopes(tree *Tree, env any, d *Diagnostics) *Scopes {
	return &Scopes{table: t, tree: tree, env: env, diags: d, modules: make(map[*Module]*scoped)}
}

// Settings returns the settings of a module that hold in a block: the same pointer for all blocks
// that resolve to the same occurrences. C must be the type that m was defined with.
func Settings[C any](s *Scopes, m *Module, b *Block) *C { return s.Any(m, b).(*C) }

// Any is Settings for when the type is not known.
func (s *Scopes) Any(m *Module, b *Block) any { return s.resolved(m, b).settings }

// Has reports whether some directive of m is in force in b, not only defaults.
func (s *Scopes) Has(m *Module, b *Block) bool { return s.resolved(m, b).any }

// Source returns the block that the directive's group comes from, nil for its default.
func (s *Scopes) Source(e *Entry, b *Block) *Block { return s.resolved(e.Module, b).sources[e.group] }

// resolved is the state of b, with settings.
func (s *Scopes) resolved(m *Module, b *Block) *state {
	sc := s.modules[m]
	if sc == nil {
		sc = &scoped{blocks: make(map[*Block]*state), states: make(map[string]*state)}
		s.modules[m] = sc
	}
	st := s.resolve(m, sc, b)
	if st.settings == nil {
		st.settings = s.build(m, st, b)
	}
	return st
}

// resolve finds the sources for b. Most blocks have no directive of a module: they share what holds
// around them, without a trace of their own.
func (s *Scopes) resolve(m *Module, sc *scoped, b *Block) *state {
	if st := sc.blocks[b]; st != nil {
		return st
	}
	nodes := b.of(m)
	var outer *state
	if b.Parent != nil {
		outer = s.resolve(m, sc, b.Parent)
	}
	if len(nodes) == 0 && outer != nil && !outer.leaves {
		return outer
	}
	sources := make([]*Block, len(m.groups))
	leaves := false
	if outer != nil {
		for g, from := range outer.sources {
			if from != nil && inherits(m.groups[g][0].Inherit, b) {
				sources[g] = from
			}
		}
	}
	for _, n := range nodes {
		sources[n.entry.group] = b
	}
	for g, from := range sources {
		leaves = leaves || from != nil && m.groups[g][0].Inherit != Nearest
	}
	st := sc.intern(sources)
	st.leaves = leaves
	if len(nodes) > 0 || outer == nil {
		sc.blocks[b] = st
	}
	return st
}

// inherits reports whether b takes a directive over from the block around it.
func inherits(i Inherit, b *Block) bool {
	return i == Nearest || i == IntoNameless && b.Context&Nameless != 0
}

// intern returns the one state with these sources.
func (sc *scoped) intern(sources []*Block) *state {
	sc.key = sc.key[:0]
	for _, b := range sources {
		id := int32(-1)
		if b != nil {
			id = b.id
		}
		sc.key = append(sc.key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
	}
	if st := sc.states[unsafe.String(unsafe.SliceData(sc.key), len(sc.key))]; st != nil {
		return st
	}
	st := &state{sources: sources}
	for _, b := range sources {
		st.any = st.any || b != nil
	}
	sc.states[string(sc.key)] = st
	return st
}

// build runs Set for every occurrence, and for the defaults of groups without one.
func (s *Scopes) build(m *Module, st *state, b *Block) any {
	c := m.fresh()
	for g, from := range st.sources {
		if from == nil {
			s.defaults(c, m.groups[g], b)
		}
	}
	done := make([]*Block, 0, 8)
	for _, from := range st.sources {
		if from == nil || contains(done, from) {
			continue
		}
		done = append(done, from)
		for _, n := range from.of(m) {
			if st.sources[n.entry.group] == from && !n.bad {
				s.set(c, n, b)
			}
		}
	}
	return c
}

func contains(list []*Block, b *Block) bool {
	for _, x := range list {
		if x == b {
			return true
		}
	}
	return false
}

func (s *Scopes) set(c any, n *Node, b *Block) {
	if err := n.entry.set(c, &Call{Node: n, Env: s.env, tree: s.tree, diags: s.diags, scope: b}); err != nil {
		s.diags.setError(n, err)
	}
}

// defaults stores the defaults of a group.
func (s *Scopes) defaults(c any, group []*Entry, b *Block) {
	for _, e := range group {
		if e.defaults == nil || e.set == nil {
			continue
		}
		n := e.defaultNode
		if err := e.set(c, &Call{Node: n, Env: s.env, tree: s.tree, diags: s.diags, scope: b}); err != nil {
			s.diags.Error(nil, -1, "default of \"%s\": %v", e.Name, err)
		}
	}
}
