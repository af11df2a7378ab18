package conf

import "strings"

// A fault is what is wrong with the arguments of a directive.
type fault struct {
	arity bool
	arg   int      // which argument
	text  string   // nginx's sentence
	near  []string // words that would be right here
}

// A matching is the attempt to read arguments by one form.
type matching struct {
	f    *form
	name string
	args []Word
	vals uint64

	far     int   // the furthest argument that did not fit
	farElem *elem // what it should have been; nil: nothing should have been there
	farSet  bool
}

// match checks arguments against the forms. vals reports which arguments are values.
func (g *grammar) match(name string, args []Word) (vals uint64, bad *fault) {
	best := -1
	for _, f := range g.forms {
		if len(args) < f.min || f.max >= 0 && len(args) > f.max {
			if bad == nil {
				bad = &fault{arity: true, arg: -1, text: "invalid number of arguments in \"" + name + "\" directive"}
			}
			continue
		}
		if f.free {
			return 0, nil
		}
		if vals, ok := f.quick(args); ok {
			return vals, nil
		}
		m := &matching{f: f, name: name, args: args}
		x := m.run(len(g.forms) > 1)
		if x == nil {
			return m.vals, nil
		}
		if rank := x.arg + 1; bad == nil || bad.arity && !x.arity || !x.arity && rank >= best {
			bad, best = x, rank
		}
	}
	return 0, bad
}

func (m *matching) run(forms bool) *fault {
	n := len(m.f.lead)
	if len(m.args) < n {
		return m.tooFew()
	}
	for i, e := range m.f.lead {
		a := e.accept(m.args[i].Text)
		if a == nil {
			return m.wrong(i, e, len(m.args) == 1 && len(e.atoms) == 1 && !forms)
		}
		if !a.isKey() {
			m.value(i)
		}
	}
	left, bad := m.keywords(n)
	if bad != nil {
		return bad
	}
	if bad := m.positional(left); bad != nil {
		return bad
	}
	for _, k := range m.f.keys {
		if k.required && !m.has(k.key, n) {
			return &fault{arg: -1, text: "\"" + m.name + "\" must have \"" + k.key + "\" parameter"}
		}
	}
	return nil
}

// keywords takes out the keywords after the leading words and returns the numbers of the others.
func (m *matching) keywords(from int) (left []int, bad *fault) {
	for i := from; i < len(m.args); i++ {
		s := m.args[i].Text
		taken := false
		for _, k := range m.f.keys {
			if k.matches(s, false) {
				taken = true
				break
			}
			if k.key != "" && strings.HasPrefix(s, k.key+"=") {
				bad = &fault{arg: i, text: keySentence(k.key, s)}
			}
		}
		if taken {
			bad = nil
			continue
		}
		if bad != nil {
			return nil, bad
		}
		left = append(left, i)
	}
	return left, nil
}

func (m *matching) has(key string, from int) bool {
	for _, w := range m.args[from:] {
		if strings.HasPrefix(w.Text, key+"=") || w.Text == key {
			return true
		}
	}
	return false
}

// positional matches the words that are not keywords by their order.
func (m *matching) positional(left []int) *fault {
	if m.seq(m.f.rest, left, func(l []int) bool {
		if len(l) > 0 {
			m.note(l[0], nil)
		}
		return len(l) == 0
	}) {
		return nil
	}
	m.vals &= 1<<len(m.f.lead) - 1
	switch {
	case !m.farSet:
		return m.tooFew()
	case m.farElem != nil:
		return m.wrong(m.far, m.farElem, len(m.args) == 1)
	case len(m.f.keys) > 0:
		return &fault{arg: m.far, text: "invalid parameter \"" + m.args[m.far].Text + "\"", near: m.f.keyWords()}
	}
	return m.tooFew()
}

// seq matches elements against argument numbers and then asks next about what is left.
func (m *matching) seq(elems []*elem, args []int, next func([]int) bool) bool {
	if len(elems) == 0 {
		return next(args)
	}
	e, rest := elems[0], elems[1:]
	after := func(l []int) bool { return m.seq(rest, l, next) }
	if e.rep {
		after = func(l []int) bool {
			if len(l) < len(args) { // again, when it took something
				again := &elem{atoms: e.atoms, sub: e.sub, opt: true, rep: true}
				return m.seq(append([]*elem{again}, rest...), l, next)
			}
			return m.seq(rest, l, next)
		}
	}
	if m.one(e, args, after) {
		return true
	}
	return e.opt && m.seq(rest, args, next)
}

// one matches an element once.
func (m *matching) one(e *elem, args []int, next func([]int) bool) bool {
	if e.sub != nil {
		return m.seq(e.sub, args, next)
	}
	if len(args) == 0 {
		return false
	}
	a := e.accept(m.args[args[0]].Text)
	if a == nil {
		m.note(args[0], e)
		return false
	}
	old := m.vals
	if !a.isKey() {
		m.value(args[0])
	}
	if next(args[1:]) {
		return true
	}
	m.vals = old
	return false
}

func (m *matching) value(arg int) {
	if arg < 64 {
		m.vals |= 1 << arg
	}
}

// note remembers the furthest failure.
func (m *matching) note(arg int, e *elem) {
	if !m.farSet || arg > m.far || arg == m.far && m.farElem == nil {
		m.far, m.farElem, m.farSet = arg, e, true
	}
}

func (m *matching) tooFew() *fault {
	return &fault{arity: true, arg: -1, text: "invalid number of arguments in \"" + m.name + "\" directive"}
}

// accept returns the first word of the choice that s may be.
func (e *elem) accept(s string) *atom {
	fold := e.literals()
	for _, a := range e.atoms {
		if a.matches(s, fold) {
			return a
		}
	}
	return nil
}

// matches reports whether s is such a word.
func (a *atom) matches(s string, fold bool) bool {
	for _, alt := range a.alts {
		if p := &alt[0]; len(alt) == 1 && p.opt == nil { // the usual case, without a search
			if p.lit != "" && (s == p.lit || fold && strings.EqualFold(p.lit, s)) || p.val != nil && p.val.accepts(s) {
				return true
			}
			continue
		}
		if fold && strings.EqualFold(alt[0].lit, s) || matchPieces(alt, s, func(r string) bool { return r == "" }) {
			return true
		}
	}
	return false
}

// matchPieces matches the parts of a word and then asks next about what is left of it.
func matchPieces(pieces []piece, s string, next func(string) bool) bool {
	if len(pieces) == 0 {
		return next(s)
	}
	p, rest := pieces[0], pieces[1:]
	after := func(r string) bool { return matchPieces(rest, r, next) }
	switch {
	case p.lit != "":
		r, ok := strings.CutPrefix(s, p.lit)
		return ok && after(r)
	case p.opt != nil:
		return matchPieces(p.opt, s, after) || after(s)
	}
	for n := len(s); n >= 0; n-- { // the longest first
		if p.val.accepts(s[:n]) && after(s[n:]) {
			return true
		}
	}
	return false
}

// keyWords are the keywords of a form as one would begin to type them.
func (f *form) keyWords() []string {
	var words []string
	for _, k := range f.keys {
		if k.key != "" {
			words = append(words, k.key+"=")
		} else {
			words = append(words, k.text)
		}
	}
	return words
}
