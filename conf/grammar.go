package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A grammar is a syntax line, parsed.
type grammar struct {
	forms []*form
	block bool
}

// A form is one line of it.
type form struct {
	free     bool // begins with !: anything goes, within min and max
	block    bool
	min, max int // number of arguments; max < 0: any number
	lead     []*elem
	rest     []*elem   // positional words after the leading ones; of a free form, what the manual shows
	keys     []keyAtom // keywords, in any order after the leading words
}

// A keyAtom is a keyword of a form.
type keyAtom struct {
	*atom
	required bool
}

// An elem is a word of the syntax line, a choice of words, or a bracket.
type elem struct {
	atoms []*atom
	sub   []*elem // of a bracket
	opt   bool
	rep   bool
	times int // of rep: at most so many; 0: any number
}

// An atom is one word: alternatives of pieces.
type atom struct {
	text string
	key  string // "burst" of burst=<number>
	alts [][]piece
}

// A piece is a part of a word: literal text, a typed value, or an optional part.
type piece struct {
	lit string
	val *value
	opt []piece
}

// A value is <name:type>.
type value struct {
	name, typ string
	min, max  int // of a range
	ranged    bool
}

// literal reports whether the atom is one fixed word.
func (a *atom) literal() bool {
	return len(a.alts) == 1 && len(a.alts[0]) == 1 && a.alts[0][0].lit != ""
}

// literals reports whether the element is a choice of fixed words.
func (e *elem) literals() bool {
	for _, a := range e.atoms {
		if !a.literal() {
			return false
		}
	}
	return len(e.atoms) > 0
}

// isKey reports whether the word begins with fixed text that tells it from others.
func (a *atom) isKey() bool {
	for _, p := range a.alts {
		if p[0].lit == "" {
			return false
		}
	}
	return true
}

// parseSyntax parses a whole syntax line. It always returns a usable grammar: a free one when
// there is an error.
func parseSyntax(s string) (*grammar, error) {
	g := &grammar{}
	for _, line := range splitForms(s) {
		f, err := parseForm(line)
		if err != nil {
			f = &form{free: true, max: -1}
			g.forms = append(g.forms, f)
			return g, fmt.Errorf("syntax %q: %w", line, err)
		}
		g.forms = append(g.forms, f)
		g.block = g.block || f.block
	}
	return g, nil
}

// splitForms splits lines, except inside of { }.
func splitForms(s string) []string {
	var forms []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '\n':
			if depth <= 0 {
				forms = append(forms, s[start:i])
				start = i + 1
			}
		}
	}
	forms = append(forms, s[start:])
	kept := forms[:0]
	for _, f := range forms {
		if f = strings.TrimSuffix(strings.TrimSpace(f), ";"); f != "" {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		return []string{""}
	}
	return kept
}

func parseForm(line string) (*form, error) {
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		return parseFree(rest)
	}
	p := &syntaxParser{s: line}
	elems, err := p.elems(false)
	if err != nil {
		return nil, err
	}
	f := &form{block: p.block}
	f.min, f.max = arity(elems)
	for len(elems) > 0 && leading(elems[0]) {
		f.lead = append(f.lead, elems[0])
		elems = elems[1:]
	}
	f.rest = f.takeKeys(elems, true)
	return f, nil
}

// parseFree reads "! min-max anything".
func parseFree(s string) (*form, error) {
	f := &form{free: true, max: -1}
	word, shown, _ := strings.Cut(strings.TrimSpace(s), " ")
	p := &syntaxParser{s: shown}
	var err error
	if f.rest, err = p.elems(false); err != nil {
		return nil, err
	}
	f.block = p.block
	low, high, dash := strings.Cut(word, "-")
	n, err := strconv.Atoi(low)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of arguments", low)
	}
	f.min, f.max = n, n
	if dash {
		f.max = -1
		if high != "" {
			if f.max, err = strconv.Atoi(high); err != nil || f.max < f.min {
				return nil, fmt.Errorf("bad number of arguments %q", word)
			}
		}
	}
	return f, nil
}

// free reports whether Set reads the words in some form.
func (g *grammar) free() bool {
	return slices.ContainsFunc(g.forms, func(f *form) bool { return f.free })
}

// beginsFixed reports whether the first argument is a word of the grammar, not a value.
func (g *grammar) beginsFixed() bool {
	return slices.ContainsFunc(g.forms, func(f *form) bool { return len(f.lead) > 0 && f.lead[0].literals() })
}

// words are the fixed words of the grammar as one would begin to type them.
func (g *grammar) words() []string {
	var words []string
	for _, f := range g.forms {
		for _, list := range [][]*elem{f.lead, f.rest} {
			for _, e := range list {
				words = e.appendWords(words)
			}
		}
		words = append(words, f.keyWords()...)
	}
	return words
}

func (e *elem) appendWords(words []string) []string {
	for _, sub := range e.sub {
		words = sub.appendWords(words)
	}
	for _, a := range e.atoms {
		switch {
		case a.literal():
			words = append(words, a.text)
		case a.key != "":
			words = append(words, a.key+"=")
		}
	}
	return words
}

// leading elements are matched by their place before keywords are looked for.
func leading(e *elem) bool {
	if e.opt || e.rep {
		return false
	}
	for _, a := range e.atoms {
		if a.key != "" {
			return false
		}
	}
	return true
}

// takeKeys moves keywords to f.keys and returns what is positional.
func (f *form) takeKeys(elems []*elem, required bool) []*elem {
	var rest []*elem
	for _, e := range elems {
		if e.sub != nil {
			if sub := f.takeKeys(e.sub, false); len(sub) > 0 {
				rest = append(rest, &elem{sub: sub, opt: e.opt, rep: e.rep, times: e.times})
			}
			continue
		}
		if e.rep || !f.allKeys(e, required) {
			rest = append(rest, e)
			continue
		}
		for _, a := range e.atoms {
			f.keys = append(f.keys, keyAtom{a, required && len(e.atoms) == 1})
		}
	}
	return rest
}

// allKeys reports whether all words of a choice are keywords. A fixed word is one only when it may
// be absent: else its place matters.
func (f *form) allKeys(e *elem, required bool) bool {
	for _, a := range e.atoms {
		if !a.isKey() || required && a.key == "" {
			return false
		}
	}
	return true
}

// arity is the least and the largest number of words.
func arity(elems []*elem) (low, high int) {
	for _, e := range elems {
		l, h := 1, 1
		if e.sub != nil {
			l, h = arity(e.sub)
		}
		if e.opt {
			l = 0
		}
		switch {
		case e.rep && e.times == 0:
			h = -1
		case e.rep && h > 0:
			h *= e.times
		}
		low += l
		if high < 0 || h < 0 {
			high = -1
		} else {
			high += h
		}
	}
	return low, high
}
