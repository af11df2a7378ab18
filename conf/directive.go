package conf

import (
	"hash/fnv"
	"slices"
	"sync"
)

// A Directive is one word of nginx.conf. Everything weir knows about the word is here: what -t
// checks, what the manual says, what an editor completes, and what the running server reads. C is
// the settings struct of its module.
type Directive[C any] struct {
	Name    string  // "limit_req"
	In      Context // where it may stand
	Syntax  string  // its arguments: see the package comment
	Default string  // as one would write it; "" if there is none
	Repeat  bool    // may stand more than once in one block
	Group   string  // inherited together with this group's directives; Name if empty
	Inherit Inherit // how inner blocks come by it
	Support Support
	Opens   Context // what its block is; 0 when it has none
	Doc     string  // Markdown; the first sentence is the summary. Of a directive without effect: why it has none, see Support
	Example string  // a fragment of nginx.conf
	// Instead is the directive that has the task of an obsolete one; "" for none.
	Instead string
	// Lacks are parameters that nginx has and weir does not: "ssl", "service=". They are refused by name.
	Lacks []string

	// Set stores one occurrence in the settings of the block it applies to. It may run many times
	// for one occurrence, or never, so it changes nothing beyond *C: what others are to know of is for Declare.
	Set func(*C, *Call) error
	// Declare runs once for each occurrence, in file order, before any Set. Of a directive that has both it
	// runs after those of all that have none. Without an error Set runs, too, where the settings are wanted.
	Declare func(*Call) error
}

// Inherit says how inner blocks come by a directive.
type Inherit uint8

const (
	// Nearest is nginx's usual rule: the nearest enclosing block that has any of the group wins.
	Nearest Inherit = iota
	// Never keeps a directive to the block it stands in.
	Never
	// IntoNameless lets if and limit_except blocks inherit, but no other location.
	IntoNameless
)

// Support says how far weir supports a directive. One without effect needs no Set: its arguments are checked by the syntax line, and a Set is
// for what nginx checks beyond that. Its Doc is a reason in one sentence, before which the manual says what becomes of it.
type Support uint8

const (
	// Full support.
	Full Support = iota
	// Ignored directives have no effect, because weir has no need of them.
	Ignored
	// Warned directives have no effect, and would have one: each is warned of, but for a flag that is off.
	Warned
	// Obsolete directives have no effect in nginx either, which warns of each.
	Obsolete
	// Missing directives are an error: they are known, and not built yet.
	Missing
)

// An Entry is a Directive in a Module, whatever its settings.
type Entry struct {
	Name    string
	In      Context
	Syntax  string
	Default string
	Repeat  bool
	Group   string // never empty
	Inherit Inherit
	Support Support
	Opens   Context
	Doc     string
	Example string
	Lacks   []string
	Module  *Module

	grammar     *grammar
	bad         error // Syntax does not parse
	group       int   // number of Group in the module
	defaults    []Word
	defaultNode *Node
	set         func(any, *Call) error
	declare     func(*Call) error
}

// HasBlock reports whether the directive ends in a block.
func (e *Entry) HasBlock() bool { return e.Opens != 0 || e.grammar.block }

// HasSet reports whether the directive has a place in the settings of its module.
func (e *Entry) HasSet() bool { return e.set != nil }

// A Module is directives that share one settings struct.
type Module struct {
	Name    string // nginx's name without ngx_ and _module
	Doc     string
	Entries []*Entry

	groups       [][]*Entry // by number
	never        groupSet   // groups that stay in their block
	intoNameless groupSet
	bit          uint64 // tells modules apart, mostly: see Block.bits
	fresh        func() any
	clone        func(any) any
}

// Define makes a module. It never fails: Table.Problems reports what is wrong with a module.
func Define[C any](name, doc string, directives []Directive[C]) *Module {
	m := &Module{
		Name: name, Doc: doc, bit: bitOf(name),
		fresh: func() any { return new(C) },
		clone: func(c any) any { own := *c.(*C); return &own },
	}
	numbers := make(map[string]int)
	for i := range directives {
		e := newEntry(m, &directives[i])
		n, ok := numbers[e.Group]
		if !ok {
			n = len(m.groups)
			numbers[e.Group] = n
			m.groups = append(m.groups, nil)
			switch e.Inherit {
			case Never:
				m.never.add(n)
			case IntoNameless:
				m.intoNameless.add(n)
			case Nearest:
			}
		}
		e.group = n
		m.groups[n] = append(m.groups[n], e)
		m.Entries = append(m.Entries, e)
	}
	return m
}

// bitOf is one of 64 bits. Two modules may have the same one.
func bitOf(name string) uint64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return 1 << (h.Sum32() % 64)
}

// leaves reports whether some of the groups do not go into every inner block.
func (m *Module) leaves(groups *groupSet) bool {
	stay := *groups
	stay.without(&m.never)
	stay.without(&m.intoNameless)
	return stay != *groups
}

func newEntry[C any](m *Module, d *Directive[C]) *Entry {
	e := &Entry{
		Name: d.Name, In: d.In, Syntax: d.Syntax, Default: d.Default, Repeat: d.Repeat, Group: d.Group,
		Inherit: d.Inherit, Support: d.Support, Opens: d.Opens, Doc: d.Doc, Example: d.Example, Lacks: d.Lacks,
		Module: m, declare: d.Declare,
	}
	if e.Group == "" {
		e.Group = e.Name
	}
	if set := d.Set; set != nil {
		e.set = func(c any, call *Call) error { return set(c.(*C), call) }
	}
	e.grammar, e.bad = parseSyntax(d.Syntax)
	e.declareIdle(d.Instead)
	if d.Default != "" {
		e.defaults = splitWords(d.Default)
		e.defaultNode = e.asNode()
	}
	return e
}

// A Table is every directive that weir knows.
type Table struct {
	modules []*Module
	byName  map[string][]*Entry
	known   func() map[string]*Known // read when it is first needed
}

// NewTable joins modules.
func NewTable(modules ...*Module) *Table {
	t := &Table{modules: modules, byName: make(map[string][]*Entry), known: sync.OnceValue(readKnown)}
	for _, m := range modules {
		for _, e := range m.Entries {
			t.byName[e.Name] = append(t.byName[e.Name], e)
		}
	}
	return t
}

// Modules are the modules of the table, in its order.
func (t *Table) Modules() []*Module { return t.modules }

// Entry returns what the name means; several entries mean different things in different places.
func (t *Table) Entry(name string) []*Entry { return t.byName[name] }

// Data reports whether blocks of this name have data in them instead of directives.
func (t *Table) Data(name string) bool {
	return slices.ContainsFunc(t.byName[name], func(e *Entry) bool { return e.Opens.IsFree() })
}

// find returns the entry of a name in a place, or nil.
func (t *Table) find(name string, in Context) *Entry {
	for _, e := range t.byName[name] {
		if e.In&in != 0 {
			return e
		}
	}
	return nil
}

// asNode makes a directive of the default, as if it stood in a file.
func (e *Entry) asNode() *Node {
	words := append([]Word{{Text: e.Name, Pos: nowhere}}, e.defaults...)
	n := &Node{Words: words, End: nowhere, entry: e}
	n.vals, _ = e.grammar.match(e.Name, e.defaults)
	return n
}
