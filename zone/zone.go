// Package zone is named shared state with a size: what nginx keeps in shared memory. All loops are one process here, so a zone is an
// ordinary value of the module that declares it, with a lock of its own. What this package knows is the names: that one name means one
// thing, and that a zone survives a reload if the new configuration has it with the same name, size and use.
//
//	live := zone.NewRegistry(memory)         // one a process
//	set := live.Begin()                      // one a configuration
//	z, err := set.Declare("one", 1<<20, "limit_req")
//	state, kept := zone.State(z, func(size int64) *buckets { … })
//	…
//	errs := set.Unsized()                    // names that were only mentioned
//	err = live.Ready(set)                    // its tables have memory
//	live.Keep(set)                           // the configuration goes live
//
// A state that is a Table, or has one embedded, outlives the process too, where there is a Memory for it. Other large states should be
// free of pointers, so that the garbage collector does not walk them.
package zone

import (
	"fmt"
	"sync"
)

// A Registry is the zones of the configuration that serves. Any goroutine.
type Registry struct {
	memory *Memory
	mu     sync.Mutex
	live   map[string]*Zone
}

// NewRegistry makes a registry without zones. Their tables will lie in memory, or in memory of the process's own if that is nil.
func NewRegistry(memory *Memory) *Registry { return &Registry{memory: memory} }

// Begin makes the set of a configuration that is being read. Its zones share their state with those of the live one already, so that a
// request may be counted by both while they change places; a set that is never kept leaves nothing behind. A nil Registry begins sets that
// inherit nothing.
func (g *Registry) Begin() *Set {
	s := &Set{zones: map[string]*Zone{}}
	if g != nil {
		g.mu.Lock()
		s.before = g.live
		g.mu.Unlock()
	}
	return s
}

// Ready gives the tables of a set their memory. The set is to be kept then, or dropped with Undo.
func (g *Registry) Ready(s *Set) error {
	for _, z := range s.order {
		t, ok := z.state.(table)
		if !ok || t.piece() != nil {
			continue
		}
		p, err := g.piece(z, t)
		if err != nil {
			g.Undo(s)
			return fmt.Errorf("shared memory zone \"%s\": %w", z.name, err)
		}
		t.put(p)
		s.placed = append(s.placed, p)
	}
	return nil
}

// piece finds memory for a table.
func (g *Registry) piece(z *Zone, t table) (*piece, error) {
	if g.memory == nil || t.private() {
		return private(t.bytes())
	}
	return g.memory.take(fmt.Sprintf("%q of %d for %q: %s", z.name, z.size, z.use, t.meaning()), t.bytes())
}

// Undo forgets a set that was made ready and will not be kept.
func (g *Registry) Undo(s *Set) {
	for _, p := range s.placed {
		p.forget()
	}
	s.placed = nil
}

// Keep makes the zones of a set the live ones; what the set does not name is forgotten.
func (g *Registry) Keep(s *Set) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, old := range g.live {
		if t, ok := old.state.(table); ok && (s.zones[name] == nil || s.zones[name].state != old.state) {
			t.piece().forget()
		}
	}
	if g.live == nil && g.memory != nil {
		g.memory.sweep()
	}
	g.live = s.zones
	// do not hold on to the settings of the old configuration
	s.before, s.placed = nil, nil
	for _, z := range s.order {
		z.before = nil
	}
}

// table is what Table is of any type.
type table interface {
	bytes() int64
	meaning() string
	private() bool
	piece() *piece
	put(*piece)
}

// A Set is the zones of one configuration. Load only.
type Set struct {
	zones  map[string]*Zone
	order  []*Zone
	before map[string]*Zone
	placed []*piece // of tables that are the set's own
}

// A Zone is a name with a size and, once State was called, what is kept under it.
type Zone struct {
	// Declared is what the directive that declares the zone made of its arguments; nil as long as
	// the zone was only mentioned. It is the declarer's to set, and it is not inherited.
	Declared any
	// At is where the zone was mentioned, for the error of one that is never declared.
	At []any

	name   string
	size   int64
	use    string
	state  any
	tally  *Tally
	before *Zone // of the same name, size and use in the live configuration
}

// Name is the zone's name.
func (z *Zone) Name() string { return z.name }

// Size is the number of bytes the zone may take; 0 when it was only mentioned.
func (z *Zone) Size() int64 { return z.size }

// Declare gives a name a size and a use ("limit_req"), or finds it when it has them already. Size 0
// mentions a zone that is declared elsewhere. The errors are nginx's sentences.
func (s *Set) Declare(name string, size int64, use string) (*Zone, error) {
	z := s.zones[name]
	switch {
	case z == nil:
		z = &Zone{name: name, size: size, use: use}
		s.zones[name] = z
		s.order = append(s.order, z)
	case z.use != use:
		return nil, fmt.Errorf("the shared memory zone \"%s\" is already declared for a different use", name)
	case z.size == 0:
		z.size = size
	case size != 0 && size != z.size:
		return nil, fmt.Errorf("the size %d of shared memory zone \"%s\" conflicts with already declared size %d", size, name, z.size)
	}
	if b := s.before[name]; b != nil && b.size == z.size && b.use == use {
		z.before = b
	}
	return z, nil
}

// Find is the zone of this name, nil if there is none yet.
func (s *Set) Find(name string) *Zone { return s.zones[name] }

// Mention is Declare for a name that is declared elsewhere, with the place that mentions it.
func (s *Set) Mention(name, use string, at any) (*Zone, error) {
	z, err := s.Declare(name, 0, use)
	if err == nil && z.size == 0 {
		z.At = append(z.At, at)
	}
	return z, err
}

// UnsizedError is a name that was mentioned and never declared.
type UnsizedError struct {
	Name, Use string
	At        []any // the places given to Mention, in order
}

func (e *UnsizedError) Error() string { return "zero size shared memory zone \"" + e.Name + "\"" }

// Unsized are the names that were mentioned and are not declared. The places of the others are forgotten: they would hold
// on to the configuration.
func (s *Set) Unsized() []*UnsizedError {
	var errs []*UnsizedError
	for _, z := range s.order {
		if z.size == 0 {
			errs = append(errs, &UnsizedError{z.name, z.use, z.At})
		}
		z.At = nil
	}
	return errs
}

// Sized are the names that were declared for a use.
func (s *Set) Sized(use string) []string {
	var names []string
	for _, z := range s.order {
		if z.size != 0 && z.use == use {
			names = append(names, z.name)
		}
	}
	return names
}

// State returns what the zone keeps: what it kept before the reload (kept), or what build makes of its
// size. A zone whose state is of another type begins anew.
func State[T any](z *Zone, build func(size int64) T) (state T, kept bool) {
	if have, ok := z.state.(T); ok {
		return have, true
	}
	if z.before != nil {
		if have, ok := z.before.state.(T); ok {
			z.state = have
			return have, true
		}
	}
	state = build(z.size)
	z.state = state
	return state, false
}
