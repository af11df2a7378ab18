package conf

import (
	"fmt"
	"sort"
	"strings"
)

// Problems says what is wrong with the table itself: a test asks that nothing is. Every directive
// has a Doc; every Syntax can be read; every Default obeys its own Syntax and its own Set, unless
// Set asks for an env; every Example can be read; no name means two things in one place.
func (t *Table) Problems() []string {
	var list []string
	add := func(e *Entry, format string, a ...any) {
		list = append(list, e.Module.Name+": "+e.Name+": "+fmt.Sprintf(format, a...))
	}
	for _, m := range t.modules {
		for _, e := range m.Entries {
			e.problems(add)
			for _, other := range t.byName[e.Name] {
				if other != e && other.In&e.In != 0 {
					add(e, "also in module %s, in %s", other.Module.Name, other.In&e.In)
				}
			}
		}
		if m.Doc == "" {
			list = append(list, m.Name+": no Doc")
		}
	}
	sort.Strings(list)
	return list
}

func (e *Entry) problems(add func(e *Entry, format string, a ...any)) {
	if e.Doc == "" {
		add(e, "no Doc")
	}
	if e.set == nil && e.declare == nil && !e.HasBlock() && e.Support.HasEffect() {
		add(e, "it has no effect, and Support does not say so")
	}
	if e.In == 0 {
		add(e, "it may stand nowhere")
	}
	if e.bad != nil {
		add(e, "%v", e.bad)
	}
	for _, other := range e.Module.groups[e.group] {
		if other.Inherit != e.Inherit {
			add(e, "inherited otherwise than %s of its group", other.Name)
			break
		}
	}
	if e.Default != "" {
		if _, bad := e.grammar.match(e.Name, e.defaults); bad != nil {
			add(e, "default %q: %s", e.Default, bad.text)
		}
	}
	if e.Example != "" {
		if _, d := Parse("example", e.Example); d.Failed() {
			add(e, "example: %s", d.List()[0].Text)
		} else if !strings.Contains(e.Example, e.Name) {
			add(e, "an example of something else")
		}
	}
}

// Uncovered are nginx's own directives, without those of NGINX Plus, that no module of the table
// has in some place where nginx has them; sorted.
func (t *Table) Uncovered() []string {
	var names []string
	for name, k := range t.known() {
		var in Context
		for _, e := range t.byName[name] {
			if e.Support != Missing {
				in |= e.In
			}
		}
		if !k.Plus && name != "include" && k.In&^in != 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// Misplaced compares the table with nginx's own places, for a test: directives that weir would
// refuse where nginx takes them, or take where nginx refuses them.
func (t *Table) Misplaced() []string {
	var list []string
	for name, entries := range t.byName {
		k := t.known()[name]
		if k == nil {
			continue
		}
		var in Context
		for _, e := range entries {
			in |= e.In
		}
		if more := in &^ k.In; more != 0 && k.In&Any != Any {
			list = append(list, name+": not in nginx in "+more.String())
		}
		if less := k.In &^ in; less != 0 {
			list = append(list, name+": nginx has it in "+less.String())
		}
	}
	sort.Strings(list)
	return list
}
