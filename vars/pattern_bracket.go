package vars

import "strings"

// readClass reads what follows "[".
func (p *parser) readClass() {
	var set byteSet
	negated := p.take("^")
	for first := true; ; first = false {
		if p.pos == len(p.src) {
			p.fail(p.pos, "missing terminating ] for character class")
		}
		if !first && p.take("]") {
			break
		}
		if p.skipInClass() {
			first = false
			continue
		}
		low, kind := p.member()
		if kind != nil {
			set.union(*kind)
			if p.dashFollows() {
				p.fail(p.pos, "invalid range in character class")
			}
			continue
		}
		p.readRange(&set, low)
	}
	p.class(set, negated)
}

// skipInClass skips what means nothing there.
func (p *parser) skipInClass() bool {
	if p.flags.spacedClass && (p.take(" ") || p.take("\t")) {
		return true
	}
	return p.take(`\E`)
}

// dashFollows reports a dash that is not the last byte of the class.
func (p *parser) dashFollows() bool {
	rest := p.src[p.pos:]
	return len(rest) > 1 && rest[0] == '-' && rest[1] != ']'
}

// readRange reads the rest of a range, if one begins with low.
func (p *parser) readRange(set *byteSet, low byte) {
	if !p.dashFollows() {
		set.add(low)
		return
	}
	p.pos++
	at := p.pos
	high, kind := p.member()
	switch {
	case kind != nil && p.src[at] == '[':
		p.fail(at+1, "invalid range in character class")
	case kind != nil:
		p.fail(p.pos, "invalid range in character class")
	case high < low:
		p.fail(p.pos-1, "range out of order in character class")
	}
	set.addRange(low, high)
}

// member reads one member of a class: a byte, or a kind of bytes.
func (p *parser) member() (b byte, kind *byteSet) {
	if p.pos == len(p.src) {
		p.fail(p.pos, "missing terminating ] for character class")
	}
	c := p.src[p.pos]
	if c == '[' {
		if s := p.posix(); s != nil {
			return 0, s
		}
	}
	p.pos++
	if c != '\\' {
		return c, nil
	}
	if p.pos == len(p.src) {
		p.fail(p.pos, `\ at end of pattern`)
	}
	return p.classEscape()
}

// posix reads [:name:] if it stands here.
func (p *parser) posix() *byteSet {
	if !strings.HasPrefix(p.src[p.pos:], "[:") {
		return nil
	}
	name := p.src[p.pos+2:]
	end := strings.Index(name, ":]")
	if end < 0 || strings.ContainsAny(name[:end], `]\`) {
		return nil
	}
	s, ok := posixSet(name[:end])
	if !ok {
		p.fail(p.pos+2, "unknown POSIX class name")
	}
	p.pos += 2 + end + 2
	return &s
}

// classEscape reads what follows a backslash inside a class.
func (p *parser) classEscape() (b byte, kind *byteSet) {
	c := p.src[p.pos]
	p.pos++
	if s, ok := typeSet(c); ok {
		return 0, &s
	}
	switch c {
	case 'b':
		return '\b', nil
	case 'N':
		p.fail(p.pos, `\N is not supported in a class`)
	case 'B', 'R', 'X':
		p.fail(p.pos-1, "escape sequence is invalid in character class")
	case 'p', 'P':
		s := p.property(c == 'P')
		return 0, &s
	case 'Q':
		return 0, p.quotedSet()
	}
	return p.escapedByte(c, true), nil
}

// quotedSet reads \Q…\E inside a class.
func (p *parser) quotedSet() *byteSet {
	var s byteSet
	for p.pos < len(p.src) && !p.take(`\E`) {
		s.add(p.src[p.pos])
		p.pos++
	}
	return &s
}
