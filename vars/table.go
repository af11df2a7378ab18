package vars

import (
	"slices"
	"sort"
	"strings"
)

// A Table is the set of variables of one configuration. Load only, until Finish; then any goroutine.
type Table[R any] struct {
	hooks    Hooks[R]
	builtin  map[string]*Var[R]
	families []*Var[R] // longest prefix first
	refs     map[string]*Ref[R]
	all      []*Ref[R] // by first mention
	groups   [10]*Ref[R]
	slots    int
	texts    map[string]*Text[R] // with variables, by source
	patterns map[patternKey]*Pattern
}

// patternKey is what makes two patterns the same.
type patternKey struct {
	source string
	fold   bool
}

// NewTable returns a Table without variables.
func NewTable[R any](h Hooks[R]) *Table[R] {
	t := &Table[R]{
		hooks: h, builtin: map[string]*Var[R]{}, refs: map[string]*Ref[R]{},
		texts: map[string]*Text[R]{}, patterns: map[patternKey]*Pattern{},
	}
	for n := 1; n <= 9; n++ {
		t.groups[n] = &Ref[R]{table: t, name: string(rune('0' + n)), slot: -1, from: fromGroup, group: n}
	}
	return t
}

// Add adds a built-in variable or, when its name ends in "_", a family.
func (t *Table[R]) Add(v Var[R]) error {
	v.Name = lower(v.Name)
	if t.builtin[v.Name] != nil {
		return &DuplicateError{v.Name}
	}
	t.builtin[v.Name] = &v
	if strings.HasSuffix(v.Name, "_") {
		t.families = append(t.families, &v)
		sort.SliceStable(t.families, func(i, k int) bool {
			return len(t.families[i].Name) > len(t.families[k].Name)
		})
	}
	return nil
}

// Names are the names that can be used so far: built-in ones without families, and those that the configuration defines.
func (t *Table[R]) Names() []string {
	var names []string
	for name, v := range t.builtin {
		if !v.isFamily() {
			names = append(names, name)
		}
	}
	for name, f := range t.refs {
		if f.get != nil || f.quiet || f.fresh {
			names = append(names, name)
		}
	}
	return names
}

// Vars returns the built-in variables and families by name, for manuals.
func (t *Table[R]) Vars() []Var[R] {
	all := make([]Var[R], 0, len(t.builtin))
	for _, v := range t.builtin {
		all = append(all, *v)
	}
	sort.Slice(all, func(i, k int) bool { return all[i].Name < all[k].Name })
	return all
}

// Define gives a name a slot in each request, for whoever stores values there: named captures,
// auth_request_set. Until then the variable is missing. Defining a name again gives the same slot.
// The name of a built-in that cannot be assigned is refused. Of Define and DefineGet the later one
// holds, as in nginx.
//
// A slot is best written by Ref.SetValue; a direct writer must not store B with Missing set.
func (t *Table[R]) Define(name string) (slot int, err error) {
	f, err := t.assignable(name)
	if err != nil {
		return -1, err
	}
	f.quiet, f.get = true, nil
	t.giveSlot(f)
	t.settle(f)
	return f.slot, nil
}

// DefineGroups gives the named groups of a pattern their slots: one a group, -1 for unnamed ones; nil when none has a name.
func (t *Table[R]) DefineGroups(p *Pattern) ([]int, error) {
	names := p.Names()
	if !slices.ContainsFunc(names, func(name string) bool { return name != "" }) {
		return nil, nil
	}
	slots := make([]int, len(names))
	for i, name := range names {
		slots[i] = -1
		if i == 0 || name == "" {
			continue
		}
		slot, err := t.Define(name)
		if err != nil {
			return nil, err
		}
		slots[i] = slot
	}
	return slots, nil
}

// DefineSet makes a name assignable by the directive set. Until it is assigned, it is what it would
// be otherwise: the built-in of this name ($args), the value of a map, the member of a family
// ($http_x); a name that is nothing else is empty, and reading it is reported to
// Hooks.Uninitialized. Assigning a built-in calls its own Set.
func (t *Table[R]) DefineSet(name string) (*Ref[R], error) {
	f, err := t.assignable(name)
	if err != nil {
		return nil, err
	}
	f.fresh = true
	if v := t.exact(f.name); v == nil || v.Set == nil {
		t.giveSlot(f)
	}
	t.settle(f)
	return f, nil
}

// DefineGet gives a name a value that is computed when it is first read, and kept for the rest of
// the request unless it is volatile: map, geo, split_clients. A later DefineGet or Define replaces an
// earlier one, as in nginx.
func (t *Table[R]) DefineGet(name string, volatile bool, get func(r R) Value) error {
	f, err := t.assignable(name)
	if err != nil {
		return err
	}
	f.get, f.keep, f.quiet = get, !volatile, false
	t.giveSlot(f)
	t.settle(f)
	return nil
}

// Lookup returns the variable of a name, which may still be unknown: Finish will tell. The place, if
// given, is handed back by the UnknownError; what is known by now remembers none. The name comes without "$"; "1" is not a capture here,
// as it is not in nginx's `if ($1)`.
func (t *Table[R]) Lookup(name string, at ...any) *Ref[R] {
	f := t.ref(name)
	f.used = true
	t.settle(f)
	for _, place := range at {
		f.ask(place)
	}
	return f
}

// Known reports whether a name is defined so far.
func (t *Table[R]) Known(name string) bool {
	name = lower(name)
	if f := t.refs[name]; f != nil && (f.quiet || f.fresh || f.get != nil) {
		return true
	}
	v, _ := t.find(name)
	return v != nil
}

// Used reports whether anything in the configuration has asked for the value of a name so far.
func (t *Table[R]) Used(name string) bool {
	f := t.refs[name]
	return f != nil && f.used
}

// Finish settles all names and returns an UnknownError for each that was used and is not defined, in
// order of first use. It may run again after more definitions.
func (t *Table[R]) Finish() []error {
	var errs []error
	for _, f := range t.all {
		t.settle(f)
		if f.used && f.unknown() {
			errs = append(errs, &UnknownError{Name: f.name, At: f.asked})
			continue
		}
		f.asked = nil // places would keep the configuration in memory
	}
	return errs
}

// Forget drops what is needed only while texts and patterns are compiled.
func (t *Table[R]) Forget() {
	t.texts, t.patterns = map[string]*Text[R]{}, map[patternKey]*Pattern{}
}

// Pattern is CompilePattern for the patterns of one configuration: many servers have the same ones, and
// share them. Load only.
func (t *Table[R]) Pattern(src string, fold bool) (*Pattern, error) {
	key := patternKey{src, fold}
	if p := t.patterns[key]; p != nil {
		return p, nil
	}
	p, err := CompilePattern(src, fold)
	if err == nil {
		t.patterns[key] = p
	}
	return p, err
}

// Slots returns how many values a request must hold. It is final after Finish.
func (t *Table[R]) Slots() int { return t.slots }

// Value returns the value of a variable named at request time, as SSI does; the name is in lower
// case. Any goroutine, after Finish.
func (t *Table[R]) Value(r R, name []byte) (v Value, known bool) {
	if f := t.refs[string(name)]; f != nil {
		if f.unknown() {
			return Value{Missing: true}, false
		}
		return f.Get(r), true
	}
	if b := t.builtin[string(name)]; b != nil && !b.isFamily() {
		return b.Get(r, ""), true
	}
	if b, rest := t.find(string(name)); b != nil {
		return b.Get(r, rest), true
	}
	return Value{Missing: true}, false
}

func (v *Var[R]) isFamily() bool { return strings.HasSuffix(v.Name, "_") }

// exact returns the built-in of a name that is not a family.
func (t *Table[R]) exact(name string) *Var[R] {
	if v := t.builtin[name]; v != nil && !v.isFamily() {
		return v
	}
	return nil
}

// find returns the built-in that answers for a name: of this very name, or the family with the
// longest prefix.
func (t *Table[R]) find(name string) (v *Var[R], rest string) {
	if v := t.exact(name); v != nil {
		return v, ""
	}
	for _, v := range t.families {
		if rest, ok := strings.CutPrefix(name, v.Name); ok {
			return v, rest
		}
	}
	return nil, ""
}

// ref returns the one Ref of a name.
func (t *Table[R]) ref(name string) *Ref[R] {
	name = lower(name)
	f := t.refs[name]
	if f == nil {
		f = &Ref[R]{table: t, name: name, slot: -1}
		t.refs[name] = f
		t.all = append(t.all, f)
	}
	return f
}

// assignable returns the Ref of a name that the configuration may define.
func (t *Table[R]) assignable(name string) (*Ref[R], error) {
	if v := t.exact(lower(name)); v != nil && v.Set == nil && !v.Changeable {
		return nil, &DuplicateError{v.Name}
	}
	return t.ref(name), nil
}

func (t *Table[R]) giveSlot(f *Ref[R]) {
	if f.slot < 0 {
		f.slot = t.slots
		t.slots++
	}
}

// settle decides where the value comes from, as far as definitions go by now.
func (t *Table[R]) settle(f *Ref[R]) {
	v, rest := t.find(f.name)
	switch {
	case f.get != nil:
		f.from = fromGet
	case f.quiet:
		f.from = fromNowhere
	case v != nil:
		f.from, f.v, f.rest = fromVar, v, rest
		if f.keep = v.Cache; f.keep {
			t.giveSlot(f)
		}
	case f.fresh:
		f.from = fromSet
	}
}
