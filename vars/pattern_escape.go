package vars

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// escape reads what follows a backslash outside of a class.
func (p *parser) escape() {
	if p.pos == len(p.src) {
		p.fail(p.pos, `\ at end of pattern`)
	}
	c := p.src[p.pos]
	p.pos++
	if s, ok := typeSet(c); ok {
		p.class(s, false)
		return
	}
	switch c {
	case 'b', 'B', 'A', 'z':
		p.hasAtom = false
		p.emit(`\` + string(c))
	case 'G':
		p.hasAtom = false
		p.emit(`\A`)
	case 'Z':
		p.dollar(false)
	case 'E':
	case 'Q':
		p.quoted()
	case 'N':
		if strings.HasPrefix(p.src[p.pos:], "{U+") {
			p.fail(p.pos, `\N{U+dddd} is supported only in Unicode (UTF) mode`)
		}
		if strings.HasPrefix(p.src[p.pos:], "{") && !p.bracesFollow() {
			p.noSuchEscape()
		}
		p.class(rangesOf("\n\n"), true)
	case 'C':
		p.begin()
		p.emit("(?s:.)")
	case 'R':
		p.begin()
		p.backtrack = true
		p.emit(`(?>\r\n|[\n-\r\x{E085}])`)
	case 'p', 'P':
		p.class(p.property(c == 'P'), false)
	case 'g':
		p.referenceG()
	case 'k':
		p.referenceK()
	case 'K', 'X':
		p.refuse(`\` + string(c))
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		p.digits(c)
	default:
		p.literal(p.escapedByte(c, false))
	}
}

// quoted reads \Q…\E.
func (p *parser) quoted() {
	for p.pos < len(p.src) && !p.take(`\E`) {
		p.literal(p.src[p.pos])
		p.pos++
	}
}

func (p *parser) noSuchEscape() {
	p.fail(p.pos, `PCRE2 does not support \F, \L, \l, \N{name}, \U, or \u`)
}

// digits reads \1 and longer: a reference, or a byte in octal when there are not that many groups.
func (p *parser) digits(first byte) {
	start := p.pos - 1
	end := p.pos
	for end < len(p.src) && isDigit(p.src[end]) {
		end++
	}
	n, err := strconv.Atoi(p.src[start:end])
	if err == nil && (n < 10 || first >= '8' || n < len(p.names)) {
		p.pos = end
		p.backNumber(n, end-1)
		return
	}
	if first >= '8' {
		p.fail(end, "number is too big")
	}
	p.literal(p.octal(first))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// octal reads up to two more octal digits.
func (p *parser) octal(first byte) byte {
	n := int(first - '0')
	for range 2 {
		if p.pos < len(p.src) && '0' <= p.src[p.pos] && p.src[p.pos] <= '7' {
			n = n*8 + int(p.src[p.pos]-'0')
			p.pos++
		}
	}
	if n > 255 {
		p.fail(p.pos, "octal value is greater than \\377 in 8-bit non-UTF-8 mode")
	}
	return byte(n)
}

// escapedByte reads an escape that stands for one byte.
func (p *parser) escapedByte(c byte, inClass bool) byte {
	if i := strings.IndexByte("aefnrt", c); i >= 0 {
		return "\a\x1b\f\n\r\t"[i]
	}
	switch {
	case c == 'c':
		return p.control()
	case c == 'x':
		return p.hex()
	case c == 'o':
		return p.bracedOctal()
	case c == '0' || inClass && '1' <= c && c <= '7':
		return p.octal(c)
	case inClass && (c == '8' || c == '9'):
		return c
	case strings.IndexByte("FLlUu", c) >= 0:
		p.noSuchEscape()
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		p.fail(p.pos-1, `unrecognized character follows \`)
	}
	return c
}

// control reads what follows \c.
func (p *parser) control() byte {
	if p.pos == len(p.src) {
		p.fail(p.pos, `\c at end of pattern`)
	}
	c := p.src[p.pos]
	if c < ' ' || c > '~' {
		p.fail(p.pos, `\c must be followed by a printable ASCII character`)
	}
	p.pos++
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c ^ 0x40
}

// hex reads \xhh, with none to two digits, or \x{hh}.
func (p *parser) hex() byte {
	if p.take("{") {
		return p.braced(16, `non-hex character in \x{} (closing brace missing?)`)
	}
	n := 0
	for range 2 {
		if p.pos == len(p.src) {
			break
		}
		d, err := strconv.ParseUint(p.src[p.pos:p.pos+1], 16, 8)
		if err != nil {
			break
		}
		n = n*16 + int(d)
		p.pos++
	}
	return byte(n)
}

func (p *parser) bracedOctal() byte {
	if !p.take("{") {
		p.fail(p.pos, `missing opening brace after \o`)
	}
	return p.braced(8, `non-octal character in \o{} (closing brace missing?)`)
}

// braced reads a number up to "}".
func (p *parser) braced(base int, bad string) byte {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end <= 0 {
		p.fail(p.pos, bad)
	}
	n, err := strconv.ParseUint(p.src[p.pos:p.pos+end], base, 32)
	if err != nil {
		p.fail(p.pos, bad)
	}
	if n > 255 {
		p.fail(p.pos+end, `character code point value in \x{} or \o{} is too large`)
	}
	p.pos += end + 1
	return byte(n)
}

// property reads what follows \p.
func (p *parser) property(negated bool) byteSet {
	if p.pos == len(p.src) {
		p.fail(p.pos, `malformed \P or \p sequence`)
	}
	name := p.src[p.pos : p.pos+1]
	p.pos++
	if name == "{" {
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			p.fail(len(p.src), `malformed \P or \p sequence`)
		}
		name = p.src[p.pos : p.pos+end]
		p.pos += end + 1
	}
	s, ok := propertySet(name)
	if !ok {
		p.fail(p.pos, `unknown property after \P or \p`)
	}
	if negated {
		s = s.negated()
	}
	return s
}

// referenceG reads \g1, \g{1}, \g{-1}, \g{name}; \g<…> is a subroutine.
func (p *parser) referenceG() {
	at := p.pos
	word := ""
	switch {
	case p.take("{"):
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			p.fail(p.pos, "a numbered reference must not be zero")
		}
		word = p.src[p.pos : p.pos+end]
		p.pos += end + 1
	case p.take("<"), p.take("'"):
		p.refuse(`\g as a subroutine`)
	default:
		end := p.pos
		for end < len(p.src) && (isDigit(p.src[end]) || end == p.pos && (p.src[end] == '-' || p.src[end] == '+')) {
			end++
		}
		word = p.src[p.pos:end]
		p.pos = end
	}
	n, err := strconv.Atoi(word)
	switch {
	case err != nil && word != "":
		p.backReference(word, at)
	case err != nil || n == 0:
		p.fail(at, `\g is not followed by a braced, angle-bracketed, or quoted name/number or by a plain number`)
	case word[0] == '-':
		p.backNumber(len(p.names)+n, at)
	case word[0] == '+':
		p.backNumber(len(p.names)-1+n, at)
	default:
		p.backNumber(n, at)
	}
}

// referenceK reads \k<name>, \k'name', \k{name}.
func (p *parser) referenceK() {
	at := p.pos + 1
	switch {
	case p.take("<"):
		p.backReference(p.groupName('>'), at)
	case p.take("'"):
		p.backReference(p.groupName('\''), at)
	case p.take("{"):
		p.backReference(p.groupName('}'), at)
	default:
		p.fail(p.pos, `\k is not followed by a braced, angle-bracketed, or quoted name`)
	}
}
