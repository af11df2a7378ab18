package vars

import "strings"

// openGroup reads what follows "(".
func (p *parser) openGroup() {
	switch {
	case strings.HasPrefix(p.src[p.pos:], "*"):
		p.refuse(p.excerpt("(", ')'))
	case !p.take("?"):
		if p.flags.noCapture {
			p.push("(?:")
		} else {
			p.capture("")
		}
	case p.take("#"):
		end := strings.IndexByte(p.src[p.pos:], ')')
		if end < 0 {
			p.fail(len(p.src), "missing ) after (?# comment")
		}
		p.pos += end + 1
	case p.take(":"):
		p.push("(?:")
	case p.take("="), p.take("!"), p.take(">"), p.take("<="), p.take("<!"):
		from := strings.LastIndexByte(p.src[:p.pos], '(')
		p.backtrack = true
		p.push(p.src[from:p.pos])
	case p.take("P<"), p.take("<"):
		p.capture(p.groupName('>'))
	case p.take("'"):
		p.capture(p.groupName('\''))
	case p.take("P="):
		at := p.pos
		p.backReference(p.groupName(')'), at)
	default:
		p.options()
	}
}

// excerpt returns the source from the given beginning to an end, for a message.
func (p *parser) excerpt(begin string, end byte) string {
	rest := p.src[p.pos:]
	if i := strings.IndexByte(rest, end); i >= 0 {
		rest = rest[:i+1]
	}
	return begin + rest
}

func (p *parser) push(s string) {
	if len(p.open) == maxNesting {
		p.fail(p.pos, "parentheses are too deeply nested")
	}
	p.open = append(p.open, group{p.flags, p.here()})
	p.emit(s)
	p.hasAtom = false
}

func (p *parser) capture(name string) {
	if name != "" {
		for _, n := range p.names {
			if n == name {
				p.fail(p.pos, "two named subpatterns have the same name (PCRE2_DUPNAMES not set)")
			}
		}
	}
	p.names = append(p.names, name)
	p.push("(")
}

func (p *parser) closeGroup() {
	n := len(p.open) - 1
	if n < 0 {
		p.fail(p.pos-1, "unmatched closing parenthesis")
	}
	g := p.open[n]
	p.open = p.open[:n]
	p.emit(")")
	p.flags, p.atom, p.hasAtom = g.flags, g.at, true
}

// groupName reads a name and its end.
func (p *parser) groupName(end byte) string {
	start := p.pos
	for p.pos < len(p.src) && isNameByte(p.src[p.pos]) {
		p.pos++
	}
	name := p.src[start:p.pos]
	switch {
	case name == "":
		p.fail(start, "subpattern name expected")
	case name[0] <= '9':
		p.fail(start, "subpattern name must start with a non-digit")
	case len(name) > 32:
		p.fail(p.pos, "subpattern name is too long (maximum 32 code units)")
	case p.pos == len(p.src) || p.src[p.pos] != end:
		p.fail(p.pos, "syntax error in subpattern name (missing terminator?)")
	}
	p.pos++
	return name
}

// options reads (?i), (?i-s:…) and their kin, and refuses what else may follow "(?".
func (p *parser) options() {
	start := p.pos
	f, on := p.flags, true
	if p.take("^") {
		f = flags{lazy: f.lazy}
	}
	for ; p.pos < len(p.src); p.pos++ {
		switch c := p.src[p.pos]; c {
		case '-':
			on = false
		case 'i':
			f.fold = on
		case 'm':
			f.lines = on
		case 's':
			f.dotAll = on
		case 'n':
			f.noCapture = on
		case 'U':
			f.lazy = on
		case 'x':
			f.spaced = on
			f.spacedClass = on && p.take("xx")
			if f.spacedClass {
				p.pos--
			}
		case ')', ':':
			p.pos++
			p.setOptions(f, c == ':')
			return
		case 'R', '&', '|', '(', 'C', 'J', 'P', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			p.pos = start
			p.refuse(p.excerpt("(?", ')'))
		default:
			p.fail(p.pos, "unrecognized character after (? or (?-")
		}
	}
	p.fail(p.pos, "missing closing parenthesis")
}

// setOptions turns options on for the rest of the group, or for a group of their own. Only the
// engines can ignore case; all else is settled here.
func (p *parser) setOptions(f flags, grouped bool) {
	word := ""
	if f.fold != p.flags.fold {
		word = "-i"
		if f.fold {
			word = "i"
		}
	}
	switch {
	case grouped:
		p.push("(?" + word + ":")
	case word != "":
		p.emit("(?" + word + ")")
	}
	p.flags = f
	p.hasAtom = false
}

// backReference writes a reference to a named group.
func (p *parser) backReference(name string, at int) {
	for n, known := range p.names {
		if n > 0 && known == name {
			p.backNumber(n, at)
			return
		}
	}
	p.fail(at, "reference to non-existent subpattern")
}

// backNumber writes a reference to a group by number.
func (p *parser) backNumber(n, at int) {
	p.refs = append(p.refs, reference{number: n, pos: at})
	p.backtrack = true
	p.begin()
	if n > 0 && n < 1<<16 {
		p.emit("(?:\\" + itoa(n) + ")")
	}
}
